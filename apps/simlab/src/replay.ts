/** `simlab replay`: one recorded run again, and a picture of it. */
import { Report, Suite } from "@holdfast/sim"
import { Effect, FileSystem, Option, Path, Schema, Terminal } from "effect"
import { NoToken, tokenOf } from "./failures.ts"
import { SuitesFailed } from "./run.ts"
import type { Run } from "./timeline/Run.ts"
import { toHtml } from "./timeline/toHtml.ts"
import { toPerfetto } from "./timeline/toPerfetto.ts"

/** The picture was asked for in a format that there is not. */
export class NoFormat extends Schema.TaggedError<NoFormat>("simlab/NoFormat")("NoFormat", {
  file: Schema.String
}) {
  override get message(): string {
    return `${this.file}: a trace is written as .html (a page) or as .json (for Perfetto)`
  }
}

const runOf = (failure: Report.Failure): Run => ({
  title: `${failure.suite}: ${failure.identity}`,
  suite: failure.suite,
  token: failure.token,
  failure: failure.message,
  virtualNanos: failure.virtualMillis * 1e6,
  hash: failure.hash,
  events: failure.trace
})

const formats: Readonly<Record<string, (run: Run) => string>> = { ".html": toHtml, ".json": toPerfetto }

const writeTrace = Effect.fnUntraced(function* (file: string, failure: Report.Failure) {
  const format = formats[(yield* Path.Path).extname(file)]
  if (format === undefined) return yield* new NoFormat({ file })
  const fs = yield* FileSystem.FileSystem
  yield* fs.writeFileString(file, format(runOf(failure)))
})

export const replay = Effect.fnUntraced(function* (
  suites: ReadonlyArray<Suite.Suite>,
  given: string,
  trace: Option.Option<string>
) {
  const terminal = yield* Terminal.Terminal
  const token = yield* tokenOf(given)
  const replayed = yield* Effect.try({
    try: () => replayWith(suites, token),
    catch: (cause) => new NoToken({ given, problem: cause instanceof Error ? cause.message : String(cause) })
  })
  if (Option.isSome(trace)) yield* writeTrace(trace.value, replayed.failure)
  yield* terminal.display(
    replayed.failed
      ? Report.formatFailure(replayed.failure)
      : `${replayed.failure.suite}: the run does not fail any more (hash ${replayed.failure.hash})\n`
  )
  if (replayed.failed) return yield* new SuitesFailed({ suites: [replayed.failure.suite] })
})

const replayWith = (suites: ReadonlyArray<Suite.Suite>, token: string): Suite.Replayed => {
  const name = Suite.nameOf(token)
  const suite = suites.find((one) => one.name === name)
  if (suite === undefined) throw new Error(`there is no suite "${name}" any more`)
  return suite.replay(token)
}
