/**
 * One file for all keys. Each row has a checksum of its own, and the head of the file names all of them with theirs, so
 * that one that is damaged neither takes the others along, nor is forgotten.
 */
import type { StateBackend } from "@holdfast/core"
import { Result, Schema } from "effect"
import { type Document, documentOf, type Lost, lostAt } from "./document.ts"
import { Fields, toFields } from "./fields.ts"
import { checksum } from "./hash.ts"
import { decodeWith, format, type Layout, parse } from "./layout.ts"
import { checksumLine, closing, headSumLine, listLine, readDamaged, salvage, toContent } from "./salvage.ts"
import { seal, unseal } from "./seal.ts"

/**
 * `lostAt` is what the keys that were lost in a repair, and are not named any more, had counted at most: those that are
 * not among the rows begin there, so that neither a version nor a fence comes a second time.
 */
const File = Schema.Struct({ lostAt: Schema.Natural, rows: Schema.Array(Fields) })

const decodeFile = decodeWith(File)

/** No string in JSON has a raw end of line, so every one of them is there for the layout. */
const indent = (text: string): string => `    ${text.replaceAll("\n", "\n    ")}`

interface Text {
  readonly row: string
  /** As the head names it. */
  readonly name: string
}

const toText = (fields: Fields): Text => {
  const text = indent(JSON.stringify(fields, null, 2))
  const head = `${text.slice(0, -`\n${closing}`.length)},\n`
  const sum = checksum(head)
  return { row: `${head}${checksumLine(sum)}\n${closing}`, name: listLine(fields.key, sum) }
}

const lostFields = (key: string, { aside, count }: Lost): Fields => {
  if (aside === undefined) throw new Error(`the bytes of "${key}" would be lost`)
  return { key, version: count, fence: count, lease: 0, lost: aside }
}

const listOf = (lines: ReadonlyArray<string>): string =>
  lines.length === 0 ? "[]" : `[\n${lines.join(",\n")}\n  ]`

/** Rows that have not changed are not made into text again. */
const makeEncode = () => {
  const texts = new WeakMap<StateBackend.Row | Lost, Text>()
  const remember = <A extends StateBackend.Row | Lost>(
    key: string,
    row: A,
    toFields: (key: string, row: A) => Fields
  ): Text => {
    const known = texts.get(row)
    if (known !== undefined) return known
    const text = toText(toFields(key, row))
    texts.set(row, text)
    return text
  }
  return (_document: string, { absent, lost, rows }: Document): Uint8Array => {
    const all = Array.from(rows, ([key, row]) => remember(key, row, toFields))
    for (const [key, one] of lost) all.push(remember(key, one, lostFields))
    const keys = listOf(all.map(({ name }) => name))
    const head = `{\n  "format": ${format},\n  "lostAt": ${absent?.fence ?? 0},\n  "keys": ${keys},\n`
    return seal(`${head}${headSumLine(head)}\n  "rows": ${listOf(all.map(({ row }) => row))},\n`)
  }
}

export const single = (root: string): Layout => {
  const path = `${root}/state.json`
  return {
    name: "single",
    directory: root,
    documentOf: () => "state",
    pathOf: () => path,
    encode: makeEncode(),
    decode: (_document, bytes) => {
      const whole = unseal(bytes).pipe(
        Result.flatMap(parse),
        Result.flatMap(decodeFile),
        Result.map((file) => {
          const { lost, rows } = toContent(file.rows)
          return documentOf(rows, lostAt(file.lostAt), lost)
        })
      )
      if (Result.isSuccess(whole) || whole.failure._tag === "Newer") return whole
      const damaged = readDamaged(bytes)
      return damaged === undefined ? whole : Result.succeed(damaged)
    },
    salvage
  }
}
