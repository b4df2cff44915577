/** A verdict for people. */
import { Formatter, Predicate } from "effect"
import type { NotLinearizable, Operation, Verdict } from "../Linearizability.ts"

/** How many operations of each kind are drawn: what a person can take in at once. */
const rowsMax = 8

const widthMax = 48

interface Row {
  readonly mark: string
  readonly operation: Operation<unknown, unknown>
}

const isPlain = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Predicate.isObject(value) && Object.getPrototypeOf(value) === Object.prototype

/** `{ _tag: "Write", value: 1 }` reads `Write(1)`. */
const describe = (value: unknown): string => {
  if (!isPlain(value) || !Predicate.isString(value._tag)) return Formatter.format(value)
  const { _tag, ...rest } = value
  const fields = Object.values(rest).map((field) => Formatter.format(field))
  return fields.length === 0 ? value._tag : `${value._tag}(${fields.join(", ")})`
}

const shorten = (text: string): string => (text.length <= widthMax ? text : `${text.slice(0, widthMax - 1)}…`)

const describeOperation = ({ end, input }: Operation<unknown, unknown>): string =>
  shorten(end === undefined ? describe(input) : `${describe(input)} → ${describe(end.output)}`)

const millis = (nanos: number): string => String(Number((nanos / 1e6).toFixed(3)))

const times = ({ end, start }: Operation<unknown, unknown>): string =>
  end === undefined ? `${millis(start.nanos)} ms …` : `${millis(start.nanos)} … ${millis(end.nanos)} ms`

/** Two columns for each moment, so that what overlaps can be seen however far apart the moments are. */
const bars = (rows: ReadonlyArray<Row>): ReadonlyArray<string> => {
  const seqs = rows.flatMap(({ operation: { end, start } }) =>
    end === undefined ? [start.seq] : [start.seq, end.seq]
  )
  const moments = [...new Set(seqs)].sort((a, b) => a - b)
  const column = (seq: number): number => 2 * moments.indexOf(seq)
  const width = 2 * moments.length + 1
  return rows.map(({ operation: { end, start } }) => {
    const from = column(start.seq)
    const to = end === undefined ? width - 1 : column(end.seq)
    const bar = from === to ? "│" : `├${"─".repeat(to - from - 1)}${end === undefined ? "→" : "┤"}`
    return (" ".repeat(from) + bar).padEnd(width)
  })
}

/** Pads each column but the last to the width of its widest text. */
const table = (lines: ReadonlyArray<ReadonlyArray<string>>): ReadonlyArray<string> => {
  const widths = (lines[0] ?? []).map((_, column) =>
    Math.max(...lines.map((line) => line[column]?.length ?? 0))
  )
  return lines.map((line) =>
    line
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd()
  )
}

const rowsOf = ({
  history,
  order,
  stuck
}: NotLinearizable<unknown, unknown, unknown>): ReadonlyArray<Row> => {
  const placed = new Set(order)
  const bound = stuck[0]?.end?.seq ?? Infinity
  const open = history.filter(
    (operation) => operation.end === undefined && operation.start.seq <= bound && !placed.has(operation)
  )
  return [
    ...order.map((operation, index) => ({ mark: String(index + 1), operation })).slice(-rowsMax),
    ...stuck.slice(0, rowsMax).map((operation) => ({ mark: "✗", operation })),
    ...open.slice(-rowsMax).map((operation) => ({ mark: "?", operation }))
  ]
}

const picture = (verdict: NotLinearizable<unknown, unknown, unknown>): string => {
  const { history, order, partition, state } = verdict
  const rows = rowsOf(verdict)
  const drawn = bars(rows)
  const lines = rows.map(({ mark, operation }, row) => [
    mark,
    operation.client,
    describeOperation(operation),
    drawn[row] ?? "",
    times(operation)
  ])
  const isAnswer = ({ end }: Operation<unknown, unknown>): boolean => end !== undefined
  const fit = `${order.filter(isAnswer).length} of ${history.filter(isAnswer).length} answers fit into an order`
  return [
    `Not linearizable${of(partition)}: no order of the operations explains every answer.`,
    `${fit}, which leads to the state ${shorten(describe(state))}. One marked ✗ has to come next, and none can.`,
    "",
    ...table(lines)
  ].join("\n")
}

const of = (partition: string | undefined): string => (partition === undefined ? "" : ` (${partition})`)

export const explain = (verdict: Verdict<unknown, unknown, unknown>): string => {
  switch (verdict._tag) {
    case "Linearizable":
      return `Linearizable: an order of ${verdict.order.length} operations explains every answer.`
    case "Unknown":
      return (
        `Unknown${of(verdict.partition)}: ${verdict.steps} steps were not enough. ` +
        "Give the check a larger budget, or a history with fewer open or overlapping operations."
      )
    case "NotLinearizable":
      return picture(verdict)
  }
}
