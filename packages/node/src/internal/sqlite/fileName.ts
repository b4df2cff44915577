/** Any string as the name of a file: two strings never share one, also where a file system folds the case. */
// house: a hash of a string is the same everywhere and at all times: nothing is drawn, and no clock is read.
import { hash } from "node:crypto"

/** File systems end at 255 bytes, and something may be put behind it. */
const longest = 180

/** What a name begins with that is too long, before its hash. */
const headLength = 100

const escape = (unit: string): string => {
  const code = unit.charCodeAt(0).toString(16)
  return code.length <= 2 ? `%${code.padStart(2, "0")}` : `%u${code.padStart(4, "0")}`
}

/** Lower-case letters, digits, `-` and `_` stay as they are. A single `%` is the empty string. */
export const toFileName = (name: string): string => {
  if (name === "") return "%"
  // Unit by unit, so that half of a surrogate pair is something of its own.
  const escaped = name.replace(/[^a-z0-9_-]/g, escape)
  if (escaped.length <= longest) return escaped
  return `${escaped.slice(0, headLength)}%%${hash("sha256", escaped, "hex")}`
}
