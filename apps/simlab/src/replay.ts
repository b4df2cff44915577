/** `sim replay`: one recorded run again, and a picture of it. */
import * as Report from "@holdfast/sim/Report"
import { show } from "@holdfast/terminal/Output"
import { Effect, FileSystem, Option, Path, Schema } from "effect"
import { CliError } from "effect/cli"
import { NoToken, tokenOf } from "./failures.ts"
import { canWrite, write } from "./files.ts"
import { SuitesFailed } from "./run.ts"
import { visible, visibleLine } from "./texts.ts"
import type { Run } from "./timeline/Run.ts"
import { toHtml } from "./timeline/toHtml.ts"
import { toPerfetto } from "./timeline/toPerfetto.ts"
import { hireOne } from "./workers.ts"

/** The picture would take the place of what it is a picture of. */
class SameFile extends Schema.TaggedError<SameFile>("simlab/SameFile")("SameFile", {
  file: Schema.String
}) {
  override get [CliError.userMessage]() {
    return `${this.file} is the failure that is to be replayed: write the trace to another file`
  }
}

/** The picture was asked for in a format that there is not. */
class NoFormat extends Schema.TaggedError<NoFormat>("simlab/NoFormat")("NoFormat", {
  file: Schema.String
}) {
  override get [CliError.userMessage]() {
    return `${this.file}: a trace is written as .html (a page) or as .json (for Perfetto)`
  }
}

interface Format {
  readonly write: (run: Run) => string
  readonly hint: string
}

const formats: Readonly<Record<string, Format>> = {
  ".html": { write: toHtml, hint: "open it in a browser" },
  ".json": { write: toPerfetto, hint: "open it in https://ui.perfetto.dev" }
}

interface Picture extends Format {
  readonly file: string
}

const isSame = Effect.fnUntraced(function* (a: string, b: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const real = (file: string) => Effect.orElseSucceed(fs.realPath(file), () => path.resolve(file))
  return (yield* real(a)) === (yield* real(b))
})

/** Whatever is wrong with the file is said before the run. */
const pictureIn = Effect.fnUntraced(function* (file: string, given: string) {
  const format = formats[(yield* Path.Path).extname(file).toLowerCase()]
  if (format === undefined) return yield* new NoFormat({ file })
  if (yield* isSame(file, given)) return yield* new SameFile({ file })
  yield* canWrite(file)
  const picture: Picture = { ...format, file }
  return picture
})

/** What the numbers of choices are called. */
const choices = {
  gap: "preemptions",
  pick: "tasks out of turn",
  fault: "choices of the world",
  random: "random numbers"
} as const

const scheduleOf = ({ choices: made, level }: Report.Failure): string => {
  const parts = (["gap", "pick", "fault", "random"] as const)
    .filter((kind) => made[kind] > 0)
    .map((kind) => `${made[kind]} ${choices[kind]}`)
  return `${parts.length === 0 ? "the calm one" : parts.join(", ")} (${level})`
}

const scenarioOf = (failure: Report.Failure): Run["scenario"] => [
  ["workload", failure.workload],
  ...failure.faults.map((fault) => ["fault", fault] as const),
  ["schedule", scheduleOf(failure)],
  ...failure.warnings.map((warning) => ["warning", warning] as const)
]

const runOf = (failure: Report.Failure, failed: boolean): Run => ({
  title: failed ? failure.identity : "nothing failed",
  suite: failure.suite,
  token: failure.token,
  failure: failed ? failure.message : undefined,
  virtualNanos: Math.round(failure.virtualMillis * 1e6),
  hash: failure.hash,
  scenario: scenarioOf(failure),
  events: failure.trace
})

export const replay = Effect.fnUntraced(function* (given: string, trace: Option.Option<string>) {
  const token = yield* tokenOf(given)
  const picture = Option.isSome(trace) ? yield* pictureIn(trace.value, given) : undefined
  const { failed, failure } = yield* (yield* hireOne)
    .ask({ _tag: "Replay", token })
    .pipe(Effect.catchTag("Refused", ({ problem }) => Effect.fail(new NoToken({ problem }))))
  yield* show(
    failed
      ? visible(Report.formatFailure(failure))
      : `${visibleLine(failure.suite)}: the run does not fail any more. What it was about may be mended, or the program makes other choices now.\n`
  )
  yield* show(`\nhash ${failure.hash}\n`)
  if (picture !== undefined) {
    yield* write(picture.file, picture.write(runOf(failure, failed)))
    yield* show(`timeline ${picture.file} (${picture.hint})\n`)
  }
  if (failed) return yield* new SuitesFailed({ suites: [failure.suite] })
}, Effect.scoped)
