/** `sim planted`: how soon the simulator finds bugs that are known to be there. */
import { availableParallelism } from "node:os"
import { clearLine, type Output, output, show } from "@holdfast/terminal/Output"
import { type Column, header, rest, row, widest } from "@holdfast/terminal/table"
import { paint } from "@holdfast/terminal/text"
import { Effect, Schema, Stream } from "effect"
import { CliError } from "effect/cli"
import type { Row } from "./look.ts"
import { count } from "./numbers.ts"
import { isLive } from "./progress.ts"
import { type Crew, Workers } from "./workers.ts"

/** Found, not by the calm schedule when it is about interleaving, and not in the program without the bug. */
export const isGood = ({ calm, failure, falseAlarm, interleaving }: Row): boolean =>
  failure !== undefined && !falseAlarm && !(interleaving && calm)

const numbers: ReadonlyArray<Column> = [
  { title: "order", width: 5 },
  { title: "run", width: 5, right: true },
  { title: "choices", width: 7, right: true },
  { title: "level", width: 9 },
  { title: "calm", width: 6 },
  { title: "mended", width: 6 }
]

const explanation = `
order    the bug shows in some orders of the fibers, not in the calm schedule
run      the first of 2,000 that shows it
choices  how many are not the calm ones, in the smallest run that shows it
level    realistic: it happens on Effect's stock scheduler
calm     whether 2,000 runs in the calm schedule show it
mended   whether 2,000 runs of the program without the bug pass
`

const columnsFor = (bugs: ReadonlyArray<string>, out: Output): ReadonlyArray<Column> => [
  { title: "planted bug", width: Math.max(12, Math.min(widest(bugs), rest(out.columns - 2, numbers))) },
  ...numbers
]

const cells = ({ calm, failure, falseAlarm, interleaving, name }: Row): ReadonlyArray<string> => [
  name,
  interleaving ? "yes" : "no",
  failure === undefined ? "never" : count(failure.run + 1),
  failure === undefined ? "–" : String(Object.values(failure.choices).reduce((a, b) => a + b, 0)),
  failure?.level ?? "–",
  calm ? "shows" : "misses",
  falseAlarm ? "FAILS" : "passes"
]

/** The simulator did not do what it is there for. */
class NotFound extends Schema.TaggedError<NotFound>("simlab/NotFound")("NotFound", {
  bugs: Schema.Array(Schema.String)
}) {
  override get [CliError.userMessage]() {
    return `not as it should be: ${this.bugs.join(", ")}`
  }
}

/** Each bug is looked for by the worker that is free first; the rows come in the order of the bugs. */
const rows = ({ hands }: Crew, bugs: ReadonlyArray<string>) => {
  const free = [...hands]
  const look = (bug: string) =>
    Effect.suspend(() => {
      const hand = free.pop()
      if (hand === undefined) return Effect.die(new Error("more is looked for than there are workers"))
      return Effect.ensuring(
        hand.ask({ _tag: "Planted", bug }),
        Effect.sync(() => free.push(hand))
      )
    })
  return Stream.fromIterable(bugs).pipe(Stream.mapEffect(look, { concurrency: hands.length }))
}

export const planted = Effect.gen(function* () {
  const out = yield* output
  const { bugs } = yield* Effect.promise(() => import("./look.ts"))
  const crew = yield* (yield* Workers).hire(availableParallelism())
  const columns = columnsFor(bugs, out)
  const bad: Array<string> = []
  let done = 0
  const progress = () => (isLive(out) ? show(`  looked for ${done} of ${bugs.length}`) : Effect.void)
  const clear = isLive(out) ? clearLine : ""
  yield* show(
    header(columns)
      .map((line) => `  ${line}\n`)
      .join("")
  )
  yield* progress()
  yield* rows(crew, bugs).pipe(
    Stream.runForEach((found) => {
      done++
      if (!isGood(found)) bad.push(found.name)
      const mark = isGood(found) ? paint(out, "green", "✓") : paint(out, "red", "✗")
      const lines = row(columns, cells(found)).map((line, index) => `${index === 0 ? mark : " "} ${line}\n`)
      return Effect.andThen(show(clear + lines.join("")), progress())
    }),
    Effect.ensuring(show(clear))
  )
  yield* show(explanation)
  if (bad.length > 0) return yield* new NotFound({ bugs: bad })
}).pipe(Effect.scoped)
