/** Whether the SQLite of this Node can be trusted with state. */
import { Unsupported } from "./prepare.ts"

/** Older ones can spoil a database when its log begins anew: https://sqlite.org/releaselog/3_51_3.html. */
const oldest: ReadonlyArray<number> = [3, 51, 3]

const isOlder = (version: ReadonlyArray<number>): boolean => {
  const place = oldest.findIndex((part, index) => part !== (version[index] ?? 0))
  return place !== -1 && (version[place] ?? 0) < (oldest[place] ?? 0)
}

/** Throws `Unsupported`. */
export const checkVersion = (version: string | undefined): void => {
  if (version !== undefined && !isOlder(version.split(".").map(Number))) return
  throw new Unsupported(
    `it needs SQLite ${oldest.join(".")} or later, which Node has from 24.15 on, and this is ${version ?? "none"}`
  )
}
