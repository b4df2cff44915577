/** One file for each key. */
import { Result } from "effect"
import { type Document, documentOf, empty } from "./document.ts"
import { Fields, fromFields, toFields } from "./fields.ts"
import { decodeWith, format, type Layout, parse } from "./layout.ts"
import { encodeName } from "./names.ts"
import { memoize } from "./paths.ts"
import { corrupt, seal, type Unreadable, unseal } from "./seal.ts"

const decodeFields = decodeWith(Fields)

export const extension = ".json"

/** What a file says, of whatever key. */
export const read = (bytes: Uint8Array): Result.Result<Fields, Unreadable> =>
  unseal(bytes).pipe(Result.flatMap(parse), Result.flatMap(decodeFields))

const encode = (key: string, { rows }: Document): Uint8Array => {
  const row = rows.get(key)
  if (row === undefined || rows.size !== 1) throw new Error(`the file of "${key}" has its row, and no other`)
  const text = JSON.stringify({ format, ...toFields(key, row) }, null, 2)
  return seal(`${text.slice(0, -"\n}".length)},\n`)
}

export const keysOf = (root: string): string => `${root}/keys`

export const perKey = (root: string): Layout => {
  const directory = keysOf(root)
  return {
    name: "perKey",
    directory,
    documentOf: (key) => key,
    pathOf: memoize((key) => `${directory}/${encodeName(key)}${extension}`),
    encode,
    decode: (key, bytes) =>
      Result.flatMap(read(bytes), (fields) =>
        // Somebody has given a file the name of another.
        fields.key === key
          ? Result.succeed(documentOf(new Map([[key, fromFields(fields)]])))
          : Result.fail(corrupt("Checksum", new Error(`it is the file of "${fields.key}"`)))
      ),
    salvage: () => empty
  }
}
