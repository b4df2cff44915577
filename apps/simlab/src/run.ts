/** `simlab run`: campaigns of suites, one after the other, each on all threads. */
import { availableParallelism } from "node:os"
import { Report, type Suite } from "@holdfast/sim"
import { Clock, Duration, Effect, FileSystem, Option, Runtime, Schema, Terminal } from "effect"
import { hireAll, runCampaign, type Settings } from "./campaign.ts"
import { save } from "./failures.ts"
import { progressOf } from "./progress.ts"
import { isGood, summary, type Timed } from "./summary.ts"

/** Something failed, or was never seen. The tables have said what, so nothing more is reported. */
export class SuitesFailed extends Schema.TaggedError<SuitesFailed>("simlab/SuitesFailed")("SuitesFailed", {
  suites: Schema.Array(Schema.String)
}) {
  override readonly [Runtime.errorReported] = false
  override readonly [Runtime.errorExitCode] = 1
}

export interface Options extends Omit<Settings, "workers"> {
  readonly suites: ReadonlyArray<Suite.Suite>
  readonly workers: Option.Option<number>
  readonly timeLimit: Option.Option<Duration.Duration>
  readonly json: Option.Option<string>
}

/** How many runs of a campaign belong to a shard. */
const runsOf = ({ runs, shard }: Options): number => Math.ceil((runs - shard.index) / shard.count)

const campaignOf = Effect.fnUntraced(function* (
  suite: Suite.Suite,
  options: Options,
  hands: Parameters<typeof runCampaign>[2],
  endMillis: number
) {
  const start = yield* Clock.currentTimeMillis
  const expected = runsOf(options)
  const progress = yield* progressOf(expected, process.stdout.isTTY === true)
  const settings = { ...options, workers: hands.length }
  const timeLeft = Duration.millis(Math.max(0, endMillis - start))
  const report = yield* runCampaign(suite, settings, hands, timeLeft, progress.show)
  yield* progress.clear
  const realMillis = (yield* Clock.currentTimeMillis) - start
  const timed: Timed = { report, realMillis, complete: options.shard.count === 1 && report.runs >= expected }
  yield* tell(timed)
  return timed
})

const tell = Effect.fnUntraced(function* (timed: Timed) {
  const terminal = yield* Terminal.Terminal
  const { report } = timed
  for (const failure of report.failures) {
    const file = yield* save(failure)
    yield* terminal.display(
      `\n${Report.formatFailure(failure)}  npx --yes pnpm@12 run sim replay ${file}\n\n`
    )
  }
  if (report.failures.length === 0 && !isGood(timed))
    yield* terminal.display(`\n${Report.formatUnmet(report)}\n\n`)
})

/** For machines: the reports, and for each suite whether it is good and how long it took. */
const toJson = (all: ReadonlyArray<Timed>): string =>
  `${JSON.stringify(
    all.map((timed) => ({ ...timed.report, realMillis: timed.realMillis, good: isGood(timed) })),
    undefined,
    2
  )}\n`

export const run = Effect.fnUntraced(function* (options: Options) {
  const terminal = yield* Terminal.Terminal
  const count = Option.getOrElse(options.workers, availableParallelism)
  const hands = yield* hireAll(Math.max(1, Math.min(count, runsOf(options))))
  const limit = Option.getOrElse(options.timeLimit, () => Duration.infinity)
  const endMillis = (yield* Clock.currentTimeMillis) + Duration.toMillis(limit)
  const all: Array<Timed> = []
  for (const suite of options.suites) all.push(yield* campaignOf(suite, options, hands, endMillis))
  yield* terminal.display(`${summary(all)}\n`)
  if (Option.isSome(options.json)) {
    yield* Effect.flatMap(FileSystem.FileSystem, (fs) =>
      fs.writeFileString(Option.getOrThrow(options.json), toJson(all))
    )
  }
  const bad = all.filter((timed) => !isGood(timed)).map(({ report }) => report.suite)
  if (bad.length > 0) return yield* new SuitesFailed({ suites: bad })
}, Effect.scoped)
