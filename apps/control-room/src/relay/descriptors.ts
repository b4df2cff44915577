/** How many file descriptors this process has open, where the system says so. */
import { readdirSync } from "node:fs"
import { Effect, Schedule } from "effect"
import { ChildProcess } from "effect/process"
import { exactly, figure, type Promised } from "../Promised.ts"

const directory = "/proc/self/fd"

export const openDescriptors = (): number | undefined =>
  process.platform === "linux" ? readdirSync(directory).length : undefined

/** What the platform opens with the first process and the first stream, and keeps, is open from here on. */
export const openLasting = Effect.scoped(
  Effect.flatMap(
    ChildProcess.make(process.execPath, ["--eval", ""], { stdin: "pipe", stderr: "inherit" }),
    ({ exitCode }) => exitCode
  )
).pipe(Effect.ignore)

/** A socket that is closed gives its descriptor back a moment later, without an event: looked for again and again. */
const settleInterval = "10 millis"
const settleTimeout = "2 seconds"

/** As many as there were before, if it comes to that; otherwise as many as there are. */
export const settledDescriptors = (before: number | undefined): Effect.Effect<number | undefined> =>
  Effect.suspend(() => {
    const open = openDescriptors()
    return open === before ? Effect.succeed(open) : Effect.fail("not yet")
  }).pipe(
    Effect.retry(Schedule.spaced(settleInterval)),
    Effect.timeoutOrElse({ duration: settleTimeout, orElse: () => Effect.sync(openDescriptors) }),
    Effect.catch(() => Effect.sync(openDescriptors))
  )

/** The row says so where it cannot be measured. */
export const noMoreDescriptors = (row: {
  readonly id: string
  readonly text: string
  readonly before: number | undefined
  readonly after: number | undefined
}): Promised => {
  const { after, before, id, text } = row
  return before === undefined || after === undefined
    ? figure({ id, text: `${text} (linux only)`, measured: "not measured", unit: "" })
    : exactly({ id, text, bound: before, measured: after, unit: "descriptors" })
}
