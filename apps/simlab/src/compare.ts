/** `sim compare`: fail-over beside what viem and ethers do, on the same traces. */
import { clearLine, output, show } from "@holdfast/terminal/Output"
import { type Column, header, row, widest } from "@holdfast/terminal/table"
import { Effect, Option } from "effect"
import type { Compared, Family, Settings, Table } from "./comparison.ts"
import { canWrite, write } from "./files.ts"
import { count } from "./numbers.ts"
import { isLive } from "./progress.ts"

export interface Options extends Settings {
  /** All, when it is empty. */
  readonly families: ReadonlyArray<Family>
  readonly json: Option.Option<string>
}

const numbers: ReadonlyArray<Column> = [
  { title: "p50", width: 6, right: true },
  { title: "p99", width: 6, right: true },
  { title: "p99 ×", width: 8, right: true },
  { title: "failed", width: 6, right: true },
  { title: "failed ±", width: 8, right: true },
  { title: "not done", width: 8, right: true },
  { title: "but done", width: 8, right: true },
  { title: "unknown", width: 7, right: true },
  { title: "twice", width: 5, right: true }
]

const explanation = `
p50, p99  how long a read takes until its caller has an answer or an error, in virtual ms
p99 ×     that of the first row, so many times
failed    reads that ended with an error, or had none after 30 s
failed ±  how many more than in the first row
not done  submissions whose caller was told that they failed, or nothing for 30 s
but done  of those: how many were carried out all the same
unknown   submissions whose caller was told that they may have been carried out
twice     submissions that were carried out more than once
`

const more = (number: number): string =>
  number > 0 ? `+${count(number)}` : number < 0 ? `−${count(-number)}` : "0"

const cells = (compared: Compared, index: number): ReadonlyArray<string> => {
  const { failedReadsMore, p99Ratio, reads, strategy, submissions } = compared
  return [
    strategy,
    count(reads.p50Millis),
    count(reads.p99Millis),
    index === 0 ? "" : p99Ratio.toFixed(2),
    count(reads.failed),
    index === 0 ? "" : more(failedReadsMore),
    count(submissions.failed),
    count(submissions.failedButDone),
    count(submissions.unknown),
    count(submissions.twice)
  ]
}

const render = ({ rows, title }: Table): string => {
  const [first] = rows
  const columns = [{ title: "strategy", width: widest(rows.map(({ strategy }) => strategy)) }, ...numbers]
  const lines = [...header(columns), ...rows.flatMap((each, index) => row(columns, cells(each, index)))]
  const size =
    first === undefined
      ? ""
      : `: ${count(first.reads.count)} reads, ${count(first.submissions.count)} submissions`
  return [`${title}${size}`, ...lines.map((line) => `  ${line}`), "", ""].join("\n")
}

/** Between two strategies somebody may stop it. */
const inTurn = <A, B>(all: ReadonlyArray<A>, f: (each: A) => B) =>
  Effect.forEach(all, (each) =>
    Effect.andThen(
      Effect.yieldNow,
      Effect.sync(() => f(each))
    )
  )

export const compare = Effect.fnUntraced(function* ({ families: chosen, json, ...settings }: Options) {
  const out = yield* output
  if (Option.isSome(json)) yield* canWrite(json.value)
  const { families, livesOf, load, strategies, tableOf } = yield* Effect.promise(
    () => import("./comparison.ts")
  )
  const tables: Array<Table> = []
  const tell = (table: Table) => {
    tables.push(table)
    return show((isLive(out) ? clearLine : "") + render(table))
  }
  const all = yield* Effect.forEach(chosen.length === 0 ? families : chosen, (family) =>
    Effect.gen(function* () {
      if (isLive(out)) yield* show(`  living through ${family}`)
      const lives = yield* inTurn(strategies, (strategy) => livesOf(strategy, family, settings))
      yield* tell(tableOf(family, lives))
      return lives
    })
  )
  const together = strategies.map((_, index) => all.flatMap((lives) => lives[index] ?? []))
  if (all.length > 1) yield* tell(tableOf("all of them together", together))
  yield* show(explanation.trimStart())
  if (Option.isSome(json)) {
    yield* write(json.value, `${JSON.stringify({ ...settings, ...load, tables }, null, 2)}\n`)
  }
})
