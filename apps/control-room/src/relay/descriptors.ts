/** How many file descriptors this process has open, where the system says so. */
import { readdirSync } from "node:fs"
import { exactly, type Promised } from "../Promised.ts"

const directory = "/proc/self/fd"

export const openDescriptors = (): number | undefined =>
  process.platform === "linux" ? readdirSync(directory).length : undefined

/** The row says so where it cannot be measured. */
export const noMoreDescriptors = (row: {
  readonly id: string
  readonly text: string
  readonly before: number | undefined
  readonly after: number | undefined
}): Promised => {
  const { after, before, id, text } = row
  return exactly(
    before === undefined || after === undefined
      ? { id, text: `${text} (linux only)`, bound: "not measured", measured: "not measured", unit: "" }
      : { id, text, bound: before, measured: after, unit: "descriptors" }
  )
}
