/** `sim run`: campaigns of suites, one after the other, each on all threads. */
import { availableParallelism } from "node:os"
import * as Report from "@holdfast/sim/Report"
import { type Output, output, show } from "@holdfast/terminal/Output"
import { Clock, Duration, Effect, Exit, Option, Runtime, Schema } from "effect"
import { CliError } from "effect/cli"
import { runCampaign, runsOf, type Settings } from "./campaign.ts"
import { save } from "./failures.ts"
import { canWrite, write } from "./files.ts"
import { withNote, withProgress } from "./progress.ts"
import type { Listed, Part } from "./protocol.ts"
import { conclusion, hashOf, isGood, problems, type Timed, tableFor } from "./summary.ts"
import { visible, visibleLine } from "./texts.ts"
import { type Crew, sim, thatRunAlone, Workers } from "./workers.ts"

/** There is no such suite. */
class NoSuite extends Schema.TaggedError<NoSuite>("simlab/NoSuite")("NoSuite", {
  name: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get [CliError.userMessage]() {
    const known = this.known.map((name) => `\n    ${visibleLine(name)}`).join("")
    return `there is no suite "${visibleLine(this.name)}". There are:${known}`
  }
}

/** Something failed, or was never seen. The table has said what, so nothing more is reported. */
export class SuitesFailed extends Schema.TaggedError<SuitesFailed>("simlab/SuitesFailed")("SuitesFailed", {
  suites: Schema.Array(Schema.String)
}) {
  override readonly [Runtime.errorReported] = false
  override readonly [Runtime.errorExitCode] = 1
}

export interface Options extends Settings {
  readonly suites: ReadonlyArray<string>
  readonly workers: Option.Option<number>
  readonly timeLimit: Option.Option<Duration.Duration>
  readonly json: Option.Option<string>
}

/** Every worker loads the suites, all at the same time. */
const list = ({ hands }: Crew) =>
  Effect.map(
    Effect.forEach(hands, (hand) => hand.ask({ _tag: "List" }), { concurrency: "unbounded" }),
    ([suites = []]) => suites
  )

const choose = (suites: ReadonlyArray<Listed>, names: ReadonlyArray<string>) =>
  names.length === 0
    ? Effect.succeed(suites)
    : Effect.forEach(new Set(names), (name) => {
        const suite = suites.find((one) => one.name === name)
        return suite === undefined
          ? Effect.fail(new NoSuite({ name, known: suites.map((one) => one.name) }))
          : Effect.succeed(suite)
      })

interface Session {
  readonly options: Options
  readonly crew: Crew
  readonly out: Output
  readonly chosen: ReadonlyArray<Listed>
  readonly endMillis: number
  /** The campaigns so far, also those that did not end. */
  readonly all: Array<Timed>
}

const campaign = Effect.fnUntraced(function* (
  session: Session,
  suite: Listed,
  row: (timed: Timed) => string
) {
  const { all, chosen, crew, endMillis, options, out } = session
  const start = yield* Clock.currentTimeMillis
  const expected = runsOf(options)
  // What one suite leaves is there for the others.
  const limitMillis = Math.max(0, endMillis - start) / (chosen.length - all.length)
  let part: Part = { report: Report.empty(suite.name, suite.guarantees), hash: 0 }
  const making = runCampaign(suite, options, crew, Duration.millis(limitMillis), (soFar) => {
    part = soFar
  })
  const underWay = {
    title: `${all.length + 1}/${chosen.length} ${visibleLine(suite.name)}`,
    runs: expected,
    limitMillis,
    violations: all.filter((timed) => !isGood(timed)).length,
    part: () => part,
    making: () => crew.hands.map((_, index) => crew.board.runOf(index))
  }
  yield* Effect.onExit(withProgress(making, out, underWay), (exit) =>
    Effect.gen(function* () {
      const realMillis = (yield* Clock.currentTimeMillis) - start
      const isShard = options.shard.count > 1
      const timed = { ...part, realMillis, expected, isShard, isStopped: Exit.isFailure(exit) }
      all.push(timed)
      yield* show(row(timed))
    })
  )
})

/** A failure that cannot become a file is told all the same, and so is one that has no token. */
const hintOf = (failure: Report.Failure, seed: number) =>
  Effect.match(save(failure), {
    onFailure: (error) => `  (no file of it: ${CliError.getUserMessage(error)})\n`,
    onSuccess: (file) =>
      failure.token === ""
        ? `\nMake its run again:\n  ${thatRunAlone(failure.suite, seed, failure.run)}\nWhat is known of it is in ${file}\n`
        : `  ${sim} replay ${file}\nSee it:\n  ${sim} replay ${file} --trace .simlab/run.html\n`
  })

const tell = Effect.fnUntraced(function* (timed: Timed, seed: number) {
  const { report } = timed
  for (const failure of report.failures) {
    yield* show(`\n${visible(Report.formatFailure(failure))}${yield* hintOf(failure, seed)}`)
  }
  if (problems(timed).length > 0 && report.failures.length === 0)
    yield* show(`\n${visible(Report.formatUnmet(report))}\n`)
})

/** For machines. */
const toJson = ({ all, chosen, options: { runs, seed, shard } }: Session): string =>
  `${JSON.stringify(
    {
      good: all.length === chosen.length && all.every(isGood),
      asked: chosen.length,
      stopped: all.length < chosen.length || all.some(({ isStopped }) => isStopped),
      seed,
      runs,
      shard: `${shard.index + 1}/${shard.count}`,
      suites: all.map((timed) => ({
        ...timed.report,
        expected: timed.expected,
        good: isGood(timed),
        hash: hashOf(timed),
        realMillis: timed.realMillis
      }))
    },
    undefined,
    2
  )}\n`

/** Told at the end, however it came: also after Ctrl-C, and when a worker died. */
const conclude = Effect.fnUntraced(function* (session: Session) {
  const { all, chosen, options, out } = session
  for (const timed of all) yield* tell(timed, options.seed)
  yield* show(`\n${conclusion(all, chosen.length, out)}`)
  if (Option.isSome(options.json)) yield* write(options.json.value, toJson(session))
})

export const run = Effect.fnUntraced(function* (options: Options) {
  const out = yield* output
  if (Option.isSome(options.json)) yield* canWrite(options.json.value)
  const count = Option.getOrElse(options.workers, availableParallelism)
  const crew = yield* (yield* Workers).hire(Math.max(1, Math.min(count, runsOf(options))))
  const chosen = yield* choose(yield* withNote(list(crew), out, "loading the suites"), options.suites)
  const limit = Option.getOrElse(options.timeLimit, () => Duration.infinity)
  const endMillis = (yield* Clock.currentTimeMillis) + Duration.toMillis(limit)
  const session: Session = { options, crew, out, chosen, endMillis, all: [] }
  const table = tableFor(
    chosen.map(({ name }) => name),
    options.runs,
    out
  )
  yield* show(table.header)
  yield* Effect.forEach(chosen, (suite) => campaign(session, suite, table.row), { discard: true }).pipe(
    Effect.onExit(() => conclude(session))
  )
  const bad = session.all.filter((timed) => !isGood(timed)).map(({ report }) => report.suite)
  if (bad.length > 0) return yield* new SuitesFailed({ suites: bad })
}, Effect.scoped)
