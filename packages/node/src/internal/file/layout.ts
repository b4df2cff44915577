/** How documents become files: which, where, and with which bytes. */
import { Result, Schema } from "effect"
import type { Document } from "./document.ts"
import { corrupt, type Unreadable } from "./seal.ts"

/** The format of the files, to be counted up when an older version of the library could not read them any more. */
export const format = 1

export interface Layout {
  readonly name: "perKey" | "single"
  /** The directory that has the files of the documents. */
  readonly directory: string
  readonly documentOf: (key: string) => string
  readonly pathOf: (document: string) => string
  readonly encode: (document: string, content: Document) => Uint8Array
  readonly decode: (document: string, bytes: Uint8Array) => Result.Result<Document, Unreadable>
  /**
   * What of a corrupt file is certainly as it was written, and which keys are lost. `count` is at least what those had
   * counted, and what others had of which nothing is left.
   */
  readonly salvage: (bytes: Uint8Array, count: number) => Document
}

const Header = Schema.Struct({ format: Schema.Int })

/** The object in a file whose checksum is right, if its format is known. */
export const parse = (text: string): Result.Result<unknown, Unreadable> =>
  Result.flatMap(
    Result.try({ try: (): unknown => JSON.parse(text), catch: (cause) => corrupt("Encoding", cause) }),
    (parsed) =>
      Result.flatMap(decodeWith(Header)(parsed), (header) => {
        if (header.format === format) return Result.succeed(parsed)
        const isNewer = header.format > format
        return Result.fail(isNewer ? { _tag: "Newer", format: header.format } : corrupt("Encoding"))
      })
  )

export const decodeWith = <S extends Schema.ConstraintDecoder<unknown>>(schema: S) => {
  const decode = Schema.decodeUnknownResult(schema)
  return (parsed: unknown): Result.Result<S["Type"], Unreadable> =>
    Result.mapError(decode(parsed), (cause) => corrupt("Encoding", cause))
}
