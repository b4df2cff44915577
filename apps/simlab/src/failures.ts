/** Failures as files, and back. */
import type * as Report from "@holdfast/sim/Report"
import { Effect, FileSystem, Path, Schema } from "effect"
import { CliError } from "effect/cli"
import { orCannotWrite, write } from "./files.ts"
import { visible } from "./texts.ts"

/** Where the user is. */
const directory = ".simlab"

/** File systems end names at 255 bytes. */
const maxPart = 80

const clean = (text: string): string => text.replace(/[^\w-]+/g, "_").slice(0, maxPart)

const fileName = ({ hash, identity, suite }: Report.Failure): string =>
  `${clean(suite)}-${clean(identity)}-${clean(hash)}.json`

/** Writes a failure into its own file, and gives the file's name. */
export const save = Effect.fnUntraced(function* (failure: Report.Failure) {
  const fs = yield* FileSystem.FileSystem
  const file = (yield* Path.Path).join(directory, fileName(failure))
  yield* fs.makeDirectory(directory, { recursive: true }).pipe(orCannotWrite(file))
  yield* write(file, `${JSON.stringify(failure, undefined, 2)}\n`)
  return file
})

/** What is given to `replay` is neither a token nor a file with one. */
export class NoToken extends Schema.TaggedError<NoToken>("simlab/NoToken")("NoToken", {
  problem: Schema.String
}) {
  override get [CliError.userMessage]() {
    return `${visible(this.problem)}. Give a file under ${directory}/, or the token that a failure printed.`
  }
}

/** A failure whose workload no token can hold. */
class Untold extends Schema.TaggedError<Untold>("simlab/Untold")("Untold", {
  file: Schema.String,
  warnings: Schema.Array(Schema.String)
}) {
  override get [CliError.userMessage]() {
    return visible(`${this.file} cannot be replayed: ${this.warnings.join("\n  ")}`)
  }
}

const Saved = Schema.fromJsonString(
  Schema.Struct({ token: Schema.String, warnings: Schema.optional(Schema.Array(Schema.String)) })
)

/** Tokens are of these; what has others is meant to be a file. */
const mayBeToken = /^[\w-]+$/

/** The token in a file, or the token itself. */
export const tokenOf = Effect.fnUntraced(function* (given: string) {
  const fs = yield* FileSystem.FileSystem
  const isThere = given !== "" && (yield* Effect.orElseSucceed(fs.exists(given), () => false))
  const refuse = (problem: string) => new NoToken({ problem: `${given}: ${problem}` })
  // What is pasted often comes with a blank or the end of its line.
  const token = given.trim()
  if (!isThere) return mayBeToken.test(token) ? token : yield* refuse("there is no such file")
  const { type } = yield* Effect.mapError(fs.stat(given), (cause) => refuse(cause.message))
  if (type !== "File") return yield* refuse(type === "Directory" ? "it is a directory" : "it is not a file")
  const text = yield* Effect.mapError(fs.readFileString(given), (cause) => refuse(cause.message))
  const saved = yield* Effect.mapError(Schema.decodeEffect(Saved)(text), () =>
    refuse("it is not the file of a failure")
  )
  if (saved.token === "") return yield* new Untold({ file: given, warnings: saved.warnings ?? [] })
  return saved.token
})
