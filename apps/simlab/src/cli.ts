/** The command line. */
import { Duration, Option, Schema } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { families } from "../../../packages/core/sim/support/failoverTraces.ts"
import { maxRuns } from "./board.ts"
import { compare } from "./compare.ts"
import { list } from "./list.ts"
import { count } from "./numbers.ts"
import { planted } from "./planted.ts"
import type { Shard } from "./protocol.ts"
import { replay } from "./replay.ts"
import { run } from "./run.ts"

/** `2/8` is the second of eight parts. */
const parseShard = (text: string): Option.Option<Shard> => {
  const [, number, of] = /^(\d{1,10})\/(\d{1,10})$/.exec(text) ?? []
  const shard = { index: Number(number) - 1, count: Number(of) }
  return shard.index >= 0 && shard.index < shard.count ? Option.some(shard) : Option.none()
}

const parseDuration = (text: string): Option.Option<Duration.Duration> =>
  Option.filter(
    Schema.decodeOption(Schema.DurationFromString)(text),
    (duration) => Duration.isPositive(duration) && Duration.isFinite(duration)
  )

const flags = {
  suites: Argument.String("suite").pipe(
    Argument.withDescription("What to run; every suite when left out"),
    Argument.variadic()
  ),
  runs: Flag.Int("runs").pipe(
    Flag.withDescription("How many runs each suite makes; 1,000 when left out"),
    Flag.filter(
      (runs) => runs > 0 && runs <= maxRuns,
      (runs) => `1 to ${count(maxRuns)} runs, not ${runs}`
    ),
    Flag.withDefault(1000)
  ),
  seed: Flag.Int("seed").pipe(
    Flag.withDescription("Which runs those are: another seed, other runs; 0 when left out"),
    Flag.filter(
      (seed) => Number.isSafeInteger(seed),
      (seed) => `a whole number that is exact, not ${seed}`
    ),
    Flag.withDefault(0)
  ),
  workers: Flag.Int("workers").pipe(
    Flag.withDescription("How many threads; as many as there are cores when left out"),
    Flag.filter(
      (workers) => workers > 0 && workers <= 512,
      (workers) => `1 to 512 workers, not ${workers}`
    ),
    Flag.optional
  ),
  shard: Flag.String("shard").pipe(
    Flag.withDescription("Which part of the runs to make, for several machines"),
    Flag.withMetavar("I/N"),
    Flag.filterMap(parseShard, (text) => `I/N with I from 1 to N, such as 2/8, not "${text}"`),
    Flag.withDefault({ index: 0, count: 1 })
  ),
  timeLimit: Flag.String("time-limit").pipe(
    Flag.withDescription('When to stop, in real time, such as "10 minutes"; the suites share it'),
    Flag.withMetavar("DURATION"),
    Flag.filterMap(parseDuration, (text) => `a duration such as "90 seconds" or "2 hours", not "${text}"`),
    Flag.optional
  ),
  json: Flag.Path("json").pipe(
    Flag.withDescription("Write the reports to this file as JSON, also when a suite fails"),
    Flag.withMetavar("FILE"),
    Flag.optional
  )
}

const runCommand = Command.make("run", flags, run).pipe(
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

const replayCommand = Command.make(
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
  ({ failure, trace }) => replay(failure, trace)
).pipe(
  Command.withDescription("Make one failed run again"),
  Command.withExamples([
    {
      command: "sim replay .simlab/FanOut-FO-1-0123456789abcdef.json --trace .simlab/run.html",
      description: "See what happened"
    }
  ])
)

const compareCommand = Command.make(
  "compare",
  {
    families: Argument.Literals("family", families).pipe(
      Argument.withDescription("What the nodes live through; every family of traces when left out"),
      Argument.variadic()
    ),
    seed: Flag.Int("seed").pipe(
      Flag.withDescription("Which traces those are; 0 when left out"),
      Flag.filter(
        (seed) => seed >= 0 && seed <= 1_000_000,
        (seed) => `0 to ${count(1_000_000)}, not ${seed}`
      ),
      Flag.withDefault(0)
    ),
    traces: Flag.Int("traces").pipe(
      Flag.withDescription("How many traces of each family; 5 when left out"),
      Flag.filter(
        (traces) => traces > 0 && traces <= 100,
        (traces) => `1 to 100 traces, not ${traces}`
      ),
      Flag.withDefault(5)
    ),
    json: Flag.Path("json").pipe(
      Flag.withDescription("Also write all figures to this file as JSON"),
      Flag.withMetavar("FILE"),
      Flag.optional
    )
  },
  compare
).pipe(
  Command.withDescription("Compare fail-over with what viem and ethers do, on the same traces"),
  Command.withExamples([
    { command: "sim compare", description: "Every family of traces" },
    { command: 'sim compare "slow primary" --traces 20', description: "More of one" }
  ])
)

export const simlab = Command.make("sim").pipe(
  Command.withDescription("Runs, replays and shows simulation suites."),
  Command.withSubcommands([
    runCommand,
    replayCommand,
    compareCommand,
    Command.make("list", {}, () => list).pipe(
      Command.withDescription("Show all suites, and the guarantees that they check")
    ),
    Command.make("planted", {}, () => planted).pipe(
      Command.withDescription("Look for bugs that were planted, to see that the simulator finds them")
    )
  ])
)
