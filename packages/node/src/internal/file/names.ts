/** Any string as the name of a file: two strings never share one, also where a file system folds the case. */
import { checksum } from "./hash.ts"

/** Names of files end at 255 bytes, and `.json.tmp` comes after it. */
const longest = 180

/** What a name begins with that is too long, before its checksum. */
const headLength = 100

const plain = /^[a-z0-9_-]+$/

const percent = (byte: number): string => `%${byte.toString(16).padStart(2, "0")}`

const escape = (character: string): string =>
  plain.test(character) ? character : Array.from(Buffer.from(character), percent).join("")

/**
 * Lower-case letters, digits, `-` and `_` stay as they are, the rest is written as `%xx` of its UTF-8. `%%` stands before
 * the checksum of what is too long. The name is well-formed Unicode, and not empty.
 */
export const encodeName = (name: string): string => {
  const encoded = plain.test(name) ? name : Array.from(name, escape).join("")
  return encoded.length <= longest ? encoded : `${encoded.slice(0, headLength)}%%${checksum(encoded)}`
}

const unescape = (encoded: string): string | undefined => {
  try {
    return decodeURIComponent(encoded)
  } catch {
    return undefined
  }
}

/** What was encoded, where the name alone says so. */
export const decodeName = (encoded: string): string | undefined => {
  const name = unescape(encoded)
  return name !== undefined && encodeName(name) === encoded ? name : undefined
}
