/** The end of each file: a checksum of every byte before it, so that none can change unseen. */
import { Result } from "effect"
import { checksum } from "./hash.ts"

/** It is not what was written. */
export interface Corrupt {
  readonly _tag: "Corrupt"
  readonly reason: "Checksum" | "Encoding"
  readonly cause: unknown
}

/**
 * Why a file is not read: it is corrupt, or a newer version of this library has written it.
 *
 * Whatever the format, its end is the same: otherwise a flipped byte could make a file look like a newer one.
 */
export type Unreadable = Corrupt | { readonly _tag: "Newer"; readonly format: number }

export const corrupt = (reason: Corrupt["reason"], cause?: unknown): Corrupt => ({
  _tag: "Corrupt",
  reason,
  cause
})

const tailOf = (sum: string): string => `  "checksum": "${sum}"\n}\n`

const tailLength = tailOf("0".repeat(64)).length

const tailShape = /^ {2}"checksum": "[0-9a-f]{64}"\n\}\n$/

/** `head` is the text of an object up to its last field, with the comma and the end of the line. */
export const seal = (head: string): Uint8Array => Buffer.from(head + tailOf(checksum(head)))

/** The text of the whole file, if it is what was sealed. */
export const unseal = (bytes: Uint8Array): Result.Result<string, Unreadable> => {
  const head = bytes.subarray(0, Math.max(0, bytes.length - tailLength))
  const tail = Buffer.from(bytes.subarray(head.length)).toString("latin1")
  if (tail !== tailOf(checksum(head)))
    return Result.fail(corrupt(tailShape.test(tail) ? "Checksum" : "Encoding"))
  return Result.try({
    try: () => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes),
    catch: (cause) => corrupt("Encoding", cause)
  })
}
