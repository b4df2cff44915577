/** `pnpm run torture`: all of it, store by store. */
import { cpus } from "node:os"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Console, DateTime, Effect, FileSystem, Option, Runtime, Schema, Stdio } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { render } from "./report.ts"
import { names, sound } from "./stores.ts"
import { type Plan, type Result, torment } from "./torment.ts"

/** The report has said what. */
class Found extends Schema.TaggedError<Found>("torture/Found")("Found", { count: Schema.Int }) {
  override readonly [Runtime.errorReported] = false
  override readonly [Runtime.errorExitCode] = 1
}

/** The figures were asked for as a file, and cannot be written. */
class CannotWrite extends Schema.TaggedError<CannotWrite>("torture/CannotWrite")("CannotWrite", {
  file: Schema.String,
  reason: Schema.String
}) {
  override get [CliError.userMessage]() {
    return `cannot write ${this.file}: ${this.reason}`
  }
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
  yield* fs
    .writeFileString(file, `${JSON.stringify({ date, ...machine, plan, results }, null, 2)}\n`)
    .pipe(Effect.mapError(({ message }) => new CannotWrite({ file, reason: message })))
})

/** A quarter of an hour is not spent on figures that nobody gets: opened as it is to be, and left as it is. */
const canWrite = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const isThere = yield* Effect.orElseSucceed(fs.exists(file), () => false)
  yield* Effect.scoped(fs.open(file, { flag: "a" })).pipe(
    Effect.andThen(isThere ? Effect.void : fs.remove(file)),
    Effect.mapError(({ message }) => new CannotWrite({ file, reason: message }))
  )
})

const integer = (name: string, value: number, min: number, description: string) =>
  Flag.Int(name).pipe(
    Flag.withDescription(`${description}; ${value} by default`),
    Flag.filter(
      (count) => count >= min,
      (count) => `a whole number from ${min} on, got ${count}`
    ),
    Flag.withDefault(value)
  )

const torture = Command.make(
  "torture",
  {
    stores: Argument.Literals("store", names).pipe(
      Argument.withDescription(
        "What to torture; all that are sound when left out. `unlocked` and `in-place` are broken, to show that it is found"
      ),
      Argument.variadic()
    ),
    rounds: integer("rounds", 200, 1, "How often a process is killed, for each store"),
    survivors: integer("survivors", 2, 1, "How many processes work beside the one that is killed"),
    limitMillis: integer(
      "limit",
      100,
      1,
      "Within how many milliseconds the lock of a dead process has to be free"
    ),
    blockMillis: integer("block", 15_000, 0, "For how many milliseconds an event loop is blocked"),
    flips: integer("flips", 300, 0, "How many bits are flipped, for each store"),
    json: Flag.Path("json").pipe(
      Flag.withDescription("Write all figures to this file as JSON"),
      Flag.withMetavar("FILE"),
      Flag.optional
    )
  },
  Effect.fnUntraced(function* ({ json, stores, ...plan }) {
    if (Option.isSome(json)) yield* canWrite(json.value)
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

// The terminal was closed: an end in order, as with the other signals.
process.on("SIGHUP", () => process.emit("SIGTERM"))
Command.run(torture, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
