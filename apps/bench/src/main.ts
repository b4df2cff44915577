#!/usr/bin/env node
/** The command line: runs each group in processes of its own, and compares. */
import { cpus } from "node:os"
import { fileURLToPath } from "node:url"
import { clearLine } from "@holdfast/terminal/Output"
import { runMain } from "@holdfast/terminal/runMain"
import { Console, DateTime, Effect, FileSystem, Option, Runtime, Schema, Stdio, Stream } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { type Bench, type Effort, type MemoryCase, quick, type Trial, thorough, timesOf } from "./Bench.ts"
import { benches } from "./benches/index.ts"
import { compare, type Group, type Round, spread } from "./harness.ts"
import {
  type BenchResult,
  type GroupResult,
  type MemoryResult,
  misses,
  renderGroup,
  renderMemory,
  renderTrial,
  type TrialResult
} from "./report.ts"
import type { Task } from "./worker.ts"

/** A process that measures did not end well. What it had to say is on standard error already. */
class WorkerFailed extends Schema.TaggedError<WorkerFailed>("bench/WorkerFailed")("WorkerFailed", {
  task: Schema.String,
  exitCode: Schema.Number
}) {
  override get [CliError.userMessage]() {
    return `measuring ${this.task} ended with exit code ${this.exitCode}`
  }
}

/** Targets were missed, and `--strict` was given. The report has said which. */
class TargetsMissed extends Schema.TaggedError<TargetsMissed>("bench/TargetsMissed")("TargetsMissed", {
  count: Schema.Int
}) {
  override readonly [Runtime.errorReported] = false
  override readonly [Runtime.errorExitCode] = 1
}

const worker = fileURLToPath(new URL("worker.ts", import.meta.url))
const decodeLine = Schema.decodeEffect(Schema.fromJsonString(Schema.Array(Schema.Number)))

/** A line that is written over, where there is a terminal. */
const progress = Effect.fnUntraced(function* (text: string) {
  const { stderrIsTerminal } = yield* Stdio.Stdio
  if (yield* stderrIsTerminal) yield* Effect.sync(() => process.stderr.write(clearLine + text))
})

/** The lines of one process. */
const run = Effect.fnUntraced(function* (task: Task, title: string, preload?: URL) {
  const imports = preload === undefined ? [] : ["--import", preload.href]
  const lines: Array<Round> = []
  const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
  const handle = yield* spawner.spawn(
    ChildProcess.make(process.execPath, ["--expose-gc", ...imports, worker, JSON.stringify(task)], {
      stderr: "inherit"
    })
  )
  yield* handle.stdout.pipe(
    Stream.decodeText(),
    Stream.splitLines,
    Stream.mapEffect((line) => decodeLine(line)),
    Stream.runForEach((line) => progress(`${title}, round ${lines.push(line)} of ${task.effort.rounds}`))
  )
  const exitCode = yield* handle.exitCode
  if (exitCode !== 0) return yield* new WorkerFailed({ task: `${task.bench}/${task.name}`, exitCode })
  return lines
}, Effect.scoped)

/** The lines of all processes of a task, one process after the other. */
const measured = Effect.fnUntraced(function* (task: Task, preload?: URL) {
  const { bench, effort, name } = task
  const { stderrIsTerminal } = yield* Stdio.Stdio
  if (!(yield* stderrIsTerminal)) yield* Console.error(`measuring ${bench}/${name}`)
  const lines: Array<Round> = []
  for (let number = 1; number <= effort.processes; number++) {
    const title = `${bench}/${name}: process ${number} of ${effort.processes}`
    yield* progress(title)
    lines.push(...(yield* run(task, title, preload)))
  }
  yield* progress("")
  return lines
})

const runGroup = Effect.fnUntraced(function* (bench: string, group: Group, effort: Effort) {
  const { by, name, peer, preload, title } = group
  const rounds = yield* measured({ bench, name, effort }, preload)
  const result: GroupResult = { name, title, peer, by, rows: compare(group, rounds), rounds }
  yield* Console.log(renderGroup(result))
  return result
})

/** In one process, as each trial starts processes of its own where it needs them. */
const runTrial = Effect.fnUntraced(function* (bench: string, trial: Trial, effort: Effort) {
  const { figures, name, title } = trial
  const lines = yield* measured({
    bench,
    name,
    effort: { ...effort, processes: 1, rounds: timesOf(trial, effort) }
  })
  const judged = figures.map((figure, index) => {
    const value = spread(lines.map((line) => line[index] ?? Number.NaN))
    const { atLeast, atMost } = figure
    if (atLeast === undefined && atMost === undefined) return { ...figure, value }
    return { ...figure, value, ok: value.median >= (atLeast ?? 0) && value.median <= (atMost ?? Infinity) }
  })
  const result: TrialResult = { name, title, figures: judged }
  yield* Console.log(renderTrial(result))
  return result
})

const runMemory = Effect.fnUntraced(function* (
  bench: string,
  { limitMiB, measure, name, title, unit }: MemoryCase,
  effort: Effort
) {
  const figures = yield* measured({ bench, name, effort })
  const mebibytes = spread(figures.flat())
  const limit = limitMiB === undefined ? {} : { limitMiB, ok: mebibytes.max <= limitMiB }
  const result: MemoryResult = { name, title, measure, unit, mebibytes, ...limit }
  return result
})

const runBench = Effect.fnUntraced(function* (bench: Bench, effort: Effort) {
  yield* Console.log(`# ${bench.name}: ${bench.summary}\n`)
  const groups = yield* Effect.forEach(bench.groups, (group) => runGroup(bench.name, group, effort))
  const trials = yield* Effect.forEach(bench.trials ?? [], (each) => runTrial(bench.name, each, effort))
  const memory = yield* Effect.forEach(bench.memory, (each) => runMemory(bench.name, each, effort))
  if (memory.length > 0) yield* Console.log(renderMemory(memory, effort.size))
  const result: BenchResult = { name: bench.name, groups, trials, memory }
  return result
})

const write = Effect.fnUntraced(function* (
  file: string,
  effort: Effort,
  results: ReadonlyArray<BenchResult>
) {
  const fs = yield* FileSystem.FileSystem
  const date = DateTime.formatIsoDateUtc(yield* DateTime.now)
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cpus: cpus().length }
  yield* fs.writeFileString(
    file,
    `${JSON.stringify({ date, ...machine, effort, benches: results }, null, 2)}\n`
  )
})

const bench = Command.make(
  "bench",
  {
    names: Argument.Literals(
      "name",
      benches.map(({ name }) => name)
    ).pipe(
      Argument.withDescription(
        `What to run; everything when left out. ${benches.map(({ name, summary }) => `${name}: ${summary}`).join("; ")}.`
      ),
      Argument.variadic()
    ),
    json: Flag.Path("json").pipe(
      Flag.withDescription("Write all figures to this file as JSON"),
      Flag.withMetavar("FILE"),
      Flag.optional
    ),
    quick: Flag.Boolean("quick").pipe(
      Flag.withDescription("Show that everything runs; the figures say nothing, and nothing is judged"),
      Flag.withDefault(false)
    ),
    strict: Flag.Boolean("strict").pipe(
      Flag.withDescription("End with exit code 1 when a target is missed"),
      Flag.withDefault(false)
    )
  },
  Effect.fnUntraced(function* (flags) {
    const effort = flags.quick ? quick : thorough
    const chosen = benches.filter(({ name }) => flags.names.length === 0 || flags.names.includes(name))
    const results = yield* Effect.forEach(chosen, (each) => runBench(each, effort))
    if (Option.isSome(flags.json)) yield* write(flags.json.value, effort, results)
    if (flags.quick) return yield* Console.log("that was quick: the figures say nothing")
    const missed = misses(results)
    yield* Console.log(
      missed.length === 0 ? "every target is met" : ["targets missed:", ...missed].join("\n  ")
    )
    if (flags.strict && missed.length > 0) return yield* new TargetsMissed({ count: missed.length })
  })
).pipe(Command.withDescription("Measures what Holdfast costs, side by side with its peers."))

runMain(bench)
