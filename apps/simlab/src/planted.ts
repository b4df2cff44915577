/** `simlab planted`: how soon the simulator finds bugs that are known to be there. */
import { type Report, Strategy, Suite } from "@holdfast/sim"
import { Effect, Schema, Terminal } from "effect"
import * as fc from "fast-check"
import { planted as programs } from "../../../packages/sim/test/planted/index.ts"
import { table } from "./table.ts"

const runs = 2000

export type Program = (typeof programs)[number]

/** A planted bug as a suite that has nothing to draw but the schedule, and what the world does. */
const suiteOf = (name: string, program: Program["program"], strategy?: Strategy.Strategy): Suite.Suite =>
  Suite.make({ name, guarantees: [], arbitrary: fc.constant(undefined), run: () => program, strategy })

/** What looking for one bug gave. */
export interface Row {
  readonly program: Program
  readonly failure: Report.Failure | undefined
  /** Whether the calm schedule shows it too. */
  readonly calm: boolean
  /** Whether the program without the bug failed. */
  readonly falseAlarm: boolean
}

export const look = (program: Program): Row => {
  const failed = (suite: Suite.Suite) => Suite.check(suite, { runs }).failures.length > 0
  return {
    program,
    failure: Suite.check(suiteOf(program.name, program.program), { runs }).failures[0],
    calm: failed(suiteOf(program.name, program.program, Strategy.fifo)),
    falseAlarm: failed(suiteOf(`${program.name}, mended`, program.correct))
  }
}

/** Found, not by the calm schedule when it is about interleaving, and not in the program without the bug. */
export const isGood = ({ calm, failure, falseAlarm, program }: Row): boolean =>
  failure !== undefined && !falseAlarm && !(program.interleaving && calm)

const sizeOf = ({ fault, gap, pick, random }: Report.Failure["choices"]): number =>
  fault + gap + pick + random

const cells = (row: Row): ReadonlyArray<string> => {
  const { calm, failure, falseAlarm, program } = row
  return [
    program.name,
    program.interleaving ? "yes" : "no",
    failure === undefined ? "never" : String(failure.run + 1),
    failure === undefined ? "–" : String(sizeOf(failure.choices)),
    failure?.level ?? "–",
    calm ? "shows it" : "misses it",
    falseAlarm ? "fails" : "passes",
    isGood(row) ? "✓" : "✗"
  ]
}

const header = ["planted bug", "interleaving", "run", "choices", "level", "calm schedule", "mended", ""]

export class NotFound extends Schema.TaggedError<NotFound>("simlab/NotFound")("NotFound", {
  bugs: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `not as it should be: ${this.bugs.join(", ")}`
  }
}

export const planted = Effect.gen(function* () {
  const terminal = yield* Terminal.Terminal
  const rows = yield* Effect.forEach(programs, (program) =>
    Effect.tap(
      Effect.sync(() => look(program)),
      // Lets an interruption in between two bugs.
      () => Effect.yieldNow
    )
  )
  yield* terminal.display(`${table(header, rows.map(cells))}\n`)
  yield* terminal.display(
    `\nrun: of 2,000, the first that shows the bug. choices: how many are not calm in the smallest failure.\n`
  )
  const bad = rows.filter((row) => !isGood(row)).map(({ program }) => program.name)
  if (bad.length > 0) return yield* new NotFound({ bugs: bad })
})
