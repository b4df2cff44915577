/** `pnpm run torture`: all of it, store by store. */
import { cpus } from "node:os"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, DateTime, Effect, FileSystem, Option, Runtime, Schema, Stdio } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { render } from "./report.ts"
import { names, sound } from "./stores.ts"
import { type Plan, type Result, torment } from "./torment.ts"

/** The report has said what. */
class Found extends Schema.TaggedError<Found>("torture/Found")("Found", { count: Schema.Int }) {
  override readonly [Runtime.errorReported] = false
  override readonly [Runtime.errorExitCode] = 1
}

/** A line that is written over; nothing where there is no terminal. */
const progress = Effect.gen(function* () {
  const { stderrIsTerminal } = yield* Stdio.Stdio
  const isTerminal = yield* stderrIsTerminal
  return (text: string) =>
    isTerminal ? Effect.sync(() => process.stderr.write(`\r\u001b[2K${text}`)) : Effect.void
})

const write = Effect.fnUntraced(function* (file: string, plan: Plan, results: ReadonlyArray<Result>) {
  const fs = yield* FileSystem.FileSystem
  const date = DateTime.formatIsoDateUtc(yield* DateTime.now)
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? "unknown", cpus: cpus().length }
  yield* fs.writeFileString(file, `${JSON.stringify({ date, ...machine, plan, results }, null, 2)}\n`)
})

const integer = (name: string, value: number, description: string) =>
  Flag.Int(name).pipe(Flag.withDescription(description), Flag.withDefault(value))

const torture = Command.make(
  "torture",
  {
    stores: Argument.Literals("store", names).pipe(
      Argument.withDescription(
        "What to torture; all that are sound when left out. `unlocked` and `in-place` are broken, to show that it is found"
      ),
      Argument.variadic()
    ),
    rounds: integer("rounds", 200, "How often a process is killed, for each store"),
    survivors: integer("survivors", 2, "How many processes work beside the one that is killed"),
    limitMillis: integer(
      "limit",
      100,
      "Within how many milliseconds the lock of a dead process has to be free"
    ),
    blockMillis: integer("block", 15_000, "For how many milliseconds an event loop is blocked"),
    flips: integer("flips", 300, "How many bits are flipped, for each store"),
    json: Flag.Path("json").pipe(
      Flag.withDescription("Write all figures to this file as JSON"),
      Flag.withMetavar("FILE"),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* ({ json, stores, ...plan }) {
    const tell = yield* progress
    const results: Array<Result> = []
    for (const store of stores.length === 0 ? sound : stores) {
      const result = yield* torment(store, plan, tell)
      results.push(result)
      yield* tell("")
      yield* Console.log(render(result))
    }
    if (Option.isSome(json)) yield* write(json.value, plan, results)
    const count = results.reduce((sum, { findings }) => sum + findings.length, 0)
    if (count > 0) return yield* new Found({ count })
  })
).pipe(
  Command.withDescription(
    "Kills, blocks and damages whatever shares a store, and looks whether all is as promised."
  )
)

Command.run(torture, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
