/** One file for all keys. Each row has a checksum of its own, so that one that is damaged does not take the others along. */
import type { StateBackend } from "@holdfast/core"
import { Result, Schema } from "effect"
import { type Document, lostAt } from "./document.ts"
import { Fields, fromFields, toFields } from "./fields.ts"
import { checksum } from "./hash.ts"
import { decodeWith, format, type Layout, parse } from "./layout.ts"
import { seal, unseal } from "./seal.ts"

/**
 * `lostAt` is what the keys that were lost in a repair had counted at most: those that are not among the rows begin
 * there, so that neither a version nor a fence comes a second time.
 */
const File = Schema.Struct({ lostAt: Schema.Natural, rows: Schema.Array(Fields) })

const decodeFile = decodeWith(File)
const decodeFields = decodeWith(Fields)

const opening = "    {"
const closing = "    }"
const checksumLine = (head: string): string => `      "checksum": "${checksum(head)}"`

/** No string in JSON has a raw end of line, so every one of them is there for the layout. */
const indent = (text: string): string => `    ${text.replaceAll("\n", "\n    ")}`

const rowText = (key: string, row: StateBackend.Row): string => {
  const text = indent(JSON.stringify(toFields(key, row), null, 2))
  const head = `${text.slice(0, -`\n${closing}`.length)},\n`
  return `${head}${checksumLine(head)}\n${closing}`
}

/** Rows that have not changed are not made into text again. */
const makeEncode = () => {
  const texts = new WeakMap<StateBackend.Row, string>()
  const textOf = ([key, row]: readonly [string, StateBackend.Row]): string => {
    const known = texts.get(row)
    if (known !== undefined) return known
    const text = rowText(key, row)
    texts.set(row, text)
    return text
  }
  return (_document: string, { absent, rows }: Document): Uint8Array => {
    const texts = Array.from(rows, textOf).join(",\n")
    return seal(
      `{\n  "format": ${format},\n  "lostAt": ${absent?.fence ?? 0},\n  "rows": [\n${texts}\n  ],\n`
    )
  }
}

const toRows = (all: ReadonlyArray<Fields>): Document["rows"] =>
  new Map(all.map((fields) => [fields.key, fromFields(fields)]))

/** The fields of a row, when its checksum is right. */
const rowOf = (lines: ReadonlyArray<string>): Result.Result<Fields, unknown> => {
  const head = lines.slice(0, -2).join("\n")
  return lines.at(-2) === checksumLine(`${head}\n`)
    ? Result.flatMap(
        Result.try((): unknown => JSON.parse([...lines.slice(0, -1), closing].join("\n"))),
        decodeFields
      )
    : Result.fail("Checksum")
}

const salvage = (bytes: Uint8Array, count: number): Document => {
  const lines = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\n")
  const found: Array<Fields> = []
  let start = 0
  for (const [index, line] of lines.entries()) {
    if (line === opening) start = index
    if (line !== closing && line !== `${closing},`) continue
    const row = rowOf(lines.slice(start, index + 1))
    if (Result.isSuccess(row)) found.push(row.success)
  }
  return { rows: toRows(found), absent: lostAt(count) }
}

export const stateOf = (root: string): string => `${root}/state.json`

export const single = (root: string): Layout => {
  const path = stateOf(root)
  return {
    name: "single",
    directory: root,
    documentOf: () => "state",
    pathOf: () => path,
    encode: makeEncode(),
    decode: (_document, bytes) =>
      unseal(bytes).pipe(
        Result.flatMap(parse),
        Result.flatMap(decodeFile),
        Result.map((file) => ({ rows: toRows(file.rows), absent: lostAt(file.lostAt) }))
      ),
    salvage
  }
}
