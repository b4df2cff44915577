/** The command line. */
import { output, show } from "@holdfast/terminal/Output"
import { Effect, FileSystem, Option, Path, Runtime, Schema } from "effect"
import { Argument, CliError, Command, Flag } from "effect/cli"
import { describeError } from "./cause.ts"
import { Live } from "./live/Live.ts"
import { isBroken } from "./Promised.ts"
import { Writers, writers } from "./register/Numbers.ts"
import { renderTable, resultOf, toJson } from "./result.ts"
import type { System } from "./System.ts"

/** Not everything that was promised held. The table has said which, so nothing more is reported. */
export class PromisesBroken extends Schema.TaggedError<PromisesBroken>("control-room/PromisesBroken")(
  "PromisesBroken",
  {
    count: Schema.Int
  }
) {
  override readonly [Runtime.errorReported] = false
  override readonly [Runtime.errorExitCode] = 1
}

/** The result was asked for as a file, and could not be written. */
export class CannotWrite extends Schema.TaggedError<CannotWrite>("control-room/CannotWrite")("CannotWrite", {
  file: Schema.String,
  cause: Schema.Defect()
}) {
  override get [CliError.userMessage]() {
    return `cannot write ${this.file}: ${describeError(this.cause)}`
  }
}

/** An option was given that none of the systems has that shall run. */
export class NotForThese extends Schema.TaggedError<NotForThese>("control-room/NotForThese")("NotForThese", {
  systems: Schema.Array(Schema.String)
}) {
  override get [CliError.userMessage]() {
    return `--writers is for ${this.systems.join(", ")} alone, which is not to run`
  }
}

export const controlRoom = (systems: ReadonlyArray<System>) =>
  Command.make("control-room").pipe(
    Command.withDescription("Runs the systems of Holdfast for real, and measures what they promise."),
    Command.withSubcommands([demo(systems)])
  )

const demo = (systems: ReadonlyArray<System>) =>
  Command.make(
    "demo",
    {
      system: Argument.Literals(
        "system",
        systems.map(({ name }) => name)
      ).pipe(
        Argument.withDescription("What to run: several, or everything when left out; see the examples"),
        Argument.variadic()
      ),
      json: Flag.Path("json").pipe(
        Flag.withDescription("Write the result to this file as JSON, also when a promise is not kept"),
        Flag.withMetavar("FILE"),
        Flag.optional
      ),
      writers: Flag.Int("writers").pipe(
        Flag.withDescription(
          `For register: how many processes share it, ${writers.min} to ${writers.max}; ${writers.default} by default`
        ),
        Flag.filter(
          (count) => count >= writers.min && count <= writers.max,
          (count) => `${writers.min} to ${writers.max}, got ${count}`
        ),
        Flag.optional
      )
    },
    ({ json, system, writers }) =>
      Effect.gen(function* () {
        const chosen = systems.filter(({ name }) => system.length === 0 || system.includes(name))
        if (Option.isNone(writers)) return yield* run(chosen, json)
        if (!chosen.some(takesWriters)) {
          return yield* new NotForThese({ systems: systems.filter(takesWriters).map(({ name }) => name) })
        }
        yield* Effect.provideService(run(chosen, json), Writers, writers.value)
      })
  ).pipe(
    Command.withDescription("Run systems and show what was promised, the bound, and what was measured"),
    Command.withExamples([
      ...systems.map(({ name, summary }) => ({ command: `control-room demo ${name}`, description: summary })),
      { command: "control-room demo", description: "every system, one after the other" },
      { command: "control-room demo --json result.json", description: "the same, and keep the result" }
    ])
  )

const takesWriters = (system: System): boolean => system.takesWriters === true

const run = Effect.fnUntraced(function* (chosen: ReadonlyArray<System>, json: Option.Option<string>) {
  const style = yield* output
  if (Option.isSome(json)) yield* canWrite(json.value)
  const results = yield* Effect.forEach(chosen, ({ name, run, summary }) =>
    Effect.gen(function* () {
      yield* show(`${name}: ${summary}\n\n`)
      const result = resultOf(name, yield* run.pipe(Effect.provide(Live.layer)))
      yield* show(`\n${renderTable(result, style).join("\n")}\n`)
      return result
    })
  )
  if (Option.isSome(json)) yield* write(json.value, toJson(results))
  const broken = results.flatMap(({ promises }) => promises.filter(isBroken)).length
  if (broken > 0) return yield* new PromisesBroken({ count: broken })
})

const write = (file: string, text: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.writeFileString(file, text)).pipe(
    Effect.mapError((cause) => new CannotWrite({ file, cause }))
  )

/** A file that cannot be written is better said before the run than after it. */
const canWrite = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const directory = (yield* Path.Path).dirname(file)
  const isThere = file !== "" && (yield* Effect.orElseSucceed(fs.exists(file), () => false))
  const target = isThere ? file : directory
  yield* Effect.mapError(fs.access(target, { writable: true }), (cause) => new CannotWrite({ file, cause }))
  const isFile = isThere && (yield* fs.stat(file)).type === "File"
  if (file === "" || (isThere && !isFile)) return yield* new CannotWrite({ file, cause: "it is not a file" })
})
