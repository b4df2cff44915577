/** The command line. */
import type { Suite } from "@holdfast/sim"
import { Duration, Effect, Option, Schema, Terminal } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { planted } from "./planted.ts"
import { replay } from "./replay.ts"
import { run } from "./run.ts"
import { table } from "./table.ts"

export const simlab = (suites: ReadonlyArray<Suite.Suite>) =>
  Command.make("sim").pipe(
    Command.withDescription("Runs, replays and shows simulation suites."),
    Command.withSubcommands([runCommand(suites), replayCommand(suites), listCommand(suites), plantedCommand])
  )

/** There is no such suite. */
export class NoSuite extends Schema.TaggedError<NoSuite>("simlab/NoSuite")("NoSuite", {
  name: Schema.String,
  known: Schema.Array(Schema.String)
}) {
  override get [CliError.userMessage]() {
    return `there is no suite "${this.name}". There are: ${this.known.join(", ")}`
  }
}

const choose = (suites: ReadonlyArray<Suite.Suite>, names: ReadonlyArray<string>) =>
  names.length === 0
    ? Effect.succeed(suites)
    : Effect.forEach(names, (name) => {
        const suite = suites.find((one) => one.name === name)
        return suite === undefined
          ? Effect.fail(new NoSuite({ name, known: suites.map((one) => one.name) }))
          : Effect.succeed(suite)
      })

/** `2/8` is the second of eight parts. */
const parseShard = (text: string): { readonly index: number; readonly count: number } => {
  const [, number, count] = /^(\d+)\/(\d+)$/.exec(text) ?? []
  const shard = { index: Number(number) - 1, count: Number(count) }
  if (shard.index >= 0 && shard.index < shard.count) return shard
  throw new Error(`expected I/N with I from 1 to N, such as 2/8, but got "${text}"`)
}

const parseDuration = (text: string): Duration.Duration => {
  const duration = Duration.fromInput(text as Duration.Input)
  if (Option.isSome(duration) && Duration.isPositive(duration.value)) return duration.value
  throw new Error(`expected a duration such as "90 seconds", but got "${text}"`)
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const flags = {
  suites: Argument.String("suite").pipe(
    Argument.withDescription("What to run; every suite when left out"),
    Argument.variadic()
  ),
  runs: Flag.Int("runs").pipe(
    Flag.withDescription("How many runs each suite makes"),
    Flag.filter(
      (runs) => runs > 0,
      (runs) => `expected at least one run, but got ${runs}`
    ),
    Flag.withDefault(1000)
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withDescription("Where the runs of the campaign begin: another seed, other runs"),
    Flag.withDefault(0)
  ),
  workers: Flag.Int("workers").pipe(
    Flag.withDescription("How many threads; as many as there are cores when left out"),
    Flag.filter(
      (workers) => workers > 0 && workers <= 512,
      (workers) => `expected 1 to 512 workers, but got ${workers}`
    ),
    Flag.optional
  ),
  shard: Flag.String("shard").pipe(
    Flag.withDescription("Which part of the runs to make, for several machines"),
    Flag.withMetavar("I/N"),
    Flag.mapTryCatch(parseShard, messageOf),
    Flag.withDefault({ index: 0, count: 1 })
  ),
  timeLimit: Flag.String("time-limit").pipe(
    Flag.withDescription('When to stop, in real time, such as "10 minutes"'),
    Flag.withMetavar("DURATION"),
    Flag.mapTryCatch(parseDuration, messageOf),
    Flag.optional
  ),
  json: Flag.Path("json").pipe(
    Flag.withDescription("Write the reports to this file as JSON, also when a suite fails"),
    Flag.withMetavar("FILE"),
    Flag.optional
  )
}

const runCommand = (suites: ReadonlyArray<Suite.Suite>) =>
  Command.make("run", flags, (options) =>
    Effect.flatMap(choose(suites, options.suites), (chosen) => run({ ...options, suites: chosen }))
  ).pipe(
    Command.withDescription("Run suites, and make what fails as small as it gets"),
    Command.withExamples([
      { command: "sim run", description: "Run every suite" },
      {
        command: 'sim run FanOut --runs 100000 --time-limit "10 minutes"',
        description: "Search one for long"
      },
      { command: "sim run --shard 2/8", description: "Make the second of eight parts" }
    ])
  )

const replayCommand = (suites: ReadonlyArray<Suite.Suite>) =>
  Command.make(
    "replay",
    {
      failure: Argument.String("failure").pipe(
        Argument.withDescription("A file under .simlab/, or the token that a failure printed")
      ),
      trace: Flag.Path("trace").pipe(
        Flag.withDescription("Write a picture of the run: .html is a page, .json is for Perfetto"),
        Flag.withMetavar("FILE"),
        Flag.optional
      )
    },
    ({ failure, trace }) => replay(suites, failure, trace)
  ).pipe(Command.withDescription("Make one failed run again"))

const listCommand = (suites: ReadonlyArray<Suite.Suite>) =>
  Command.make("list", {}, () =>
    Effect.flatMap(Terminal.Terminal, (terminal) =>
      terminal.display(
        `${table(
          ["suite", "guarantees"],
          suites.map(({ guarantees, name }) => [name, guarantees.join(" ")])
        )}\n`
      )
    )
  ).pipe(Command.withDescription("Show all suites, and the guarantees that they check"))

const plantedCommand = Command.make("planted", {}, () => planted).pipe(
  Command.withDescription("Look for bugs that were planted, to see that the simulator finds them")
)
