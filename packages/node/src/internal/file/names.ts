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

const escapeAll = (name: string): string => (plain.test(name) ? name : Array.from(name, escape).join(""))

/**
 * Lower-case letters, digits, `-` and `_` stay as they are, the rest is written as `%xx` of its UTF-8. `%%` stands before
 * the checksum of what is too long. The name is well-formed Unicode, and not empty.
 */
export const encodeName = (name: string): string => {
  const encoded = escapeAll(name)
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

/** Names that do not say what was encoded, as it was too long. */
const opaque = /^[a-z0-9_%-]{100}%%[0-9a-f]{64}$/

/** Whether something that begins with `prefix` may have this name; nothing has a name that is none of ours. */
export const mayBegin = (encoded: string, prefix: string): boolean => {
  const name = decodeName(encoded)
  if (name !== undefined) return name.startsWith(prefix)
  return opaque.test(encoded) && encoded.startsWith(escapeAll(prefix).slice(0, headLength))
}
