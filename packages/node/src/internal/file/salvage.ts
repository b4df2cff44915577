/** What can be made out in a damaged file of all keys. */
import { Result, Schema } from "effect"
import { counted } from "./counted.ts"
import { type Document, documentOf, type Lost, lostAt } from "./document.ts"
import { Fields, fromFields } from "./fields.ts"
import { checksum } from "./hash.ts"
import { decodeWith, format } from "./layout.ts"

const opening = "    {"
export const closing = "    }"

/** The last field of a row. */
export const checksumLine = (sum: string): string => `      "checksum": "${sum}"`

/** A row in the head of the file. */
export const listLine = (key: string, sum: string): string => `    [${JSON.stringify(key)}, "${sum}"]`

const headSumName = '  "keysChecksum": '

/** The end of the head. */
export const headSumLine = (head: string): string => `${headSumName}"${checksum(head)}",`

const Head = Schema.Struct({
  format: Schema.Literal(format),
  lostAt: Schema.Natural,
  keys: Schema.Array(Schema.Tuple([Schema.String, Schema.String]))
})

const decodeFields = decodeWith(Fields)
const decodeHead = decodeWith(Head)

const parseWith = <A>(text: string, decode: (parsed: unknown) => Result.Result<A, unknown>) =>
  Result.flatMap(
    Result.try((): unknown => JSON.parse(text)),
    decode
  )

type Lines = ReadonlyArray<string>

const linesOf = (bytes: Uint8Array): Lines =>
  new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes).split("\n")

/** Which rows there are, with their checksums, when the list is as it was written. */
const headOf = (lines: Lines): typeof Head.Type | undefined => {
  const end = lines.findIndex((line) => line.startsWith(headSumName))
  const head = lines.slice(0, Math.max(end, 0)).join("\n")
  if (end === -1 || lines[end] !== headSumLine(`${head}\n`)) return undefined
  return Result.getOrUndefined(parseWith(`${head.slice(0, -1)}}`, decodeHead))
}

interface Whole {
  readonly fields: Fields
  readonly sum: string
}

/** A row, when its checksum is right. */
const wholeRow = (lines: Lines): Whole | undefined => {
  const sum = checksum(`${lines.slice(0, -2).join("\n")}\n`)
  if (lines.at(-2) !== checksumLine(sum)) return undefined
  const fields = parseWith([...lines.slice(0, -1), closing].join("\n"), decodeFields)
  return Result.isSuccess(fields) ? { fields: fields.success, sum } : undefined
}

const wholeRows = (lines: Lines): ReadonlyArray<Whole> => {
  const found: Array<Whole> = []
  let start = 0
  for (const [index, line] of lines.entries()) {
    if (line === opening) start = index
    if (line !== closing && line !== `${closing},`) continue
    const row = wholeRow(lines.slice(start, index + 1))
    if (row !== undefined) found.push(row)
  }
  return found
}

export const toContent = (all: ReadonlyArray<Fields>): Pick<Document, "lost" | "rows"> => ({
  rows: new Map(
    all.filter(({ lost }) => lost === undefined).map((fields) => [fields.key, fromFields(fields)])
  ),
  lost: new Map(
    all.flatMap(({ fence, key, lost, version }) =>
      lost === undefined ? [] : [[key, { count: Math.max(version, fence), aside: lost }]]
    )
  )
})

/** All of these that are neither whole nor known to be lost. */
const missing = (
  keys: Iterable<string>,
  { lost, rows }: Pick<Document, "lost" | "rows">,
  count: number
): Document["lost"] => {
  const all = new Map<string, Lost>(lost)
  for (const key of keys) if (!rows.has(key) && !lost.has(key)) all.set(key, { count, aside: undefined })
  return all
}

/**
 * The rows that are those of the list: one that has a right checksum may still be older, where a device has not written
 * what it should have. Of the other ones in the list nothing can be read. Without the list, nobody knows what is not
 * there: `undefined`.
 */
export const readDamaged = (bytes: Uint8Array): Document | undefined => {
  const lines = linesOf(bytes)
  const head = headOf(lines)
  if (head === undefined) return undefined
  const sums = new Map(head.keys)
  const whole = wholeRows(lines).filter(({ fields, sum }) => sums.get(fields.key) === sum)
  const content = toContent(whole.map(({ fields }) => fields))
  const lost = missing(sums.keys(), content, counted(bytes))
  return { ...documentOf(content.rows, lostAt(head.lostAt), lost), isDamaged: true }
}

/** A key as a line of the list has it, or a row; in a value no line begins like that. */
const keyLine = /^(?: {4}\[| {6}"key": )("(?:[^"\\]|\\.)*"),/

/** As `InvalidOptions` has it: other keys than these nobody could ask for. */
const isKey = (text: unknown): text is string =>
  typeof text === "string" && text !== "" && text.length <= 200 && text.isWellFormed()

const namedKeys = (lines: Lines): ReadonlyArray<string> =>
  lines.flatMap((line) => {
    const [, text = ""] = keyLine.exec(line) ?? []
    const key = Result.getOrUndefined(Result.try((): unknown => JSON.parse(text)))
    return isKey(key) ? [key] : []
  })

/** As well as it goes without the list: somebody asks for it. */
export const salvage = (bytes: Uint8Array, count: number): Document => {
  const lines = linesOf(bytes)
  const content = toContent(wholeRows(lines).map(({ fields }) => fields))
  return documentOf(content.rows, lostAt(count), missing(namedKeys(lines), content, count))
}
