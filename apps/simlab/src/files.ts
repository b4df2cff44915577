/** Files that the user asks for. */
import { Effect, FileSystem, Path, type PlatformError, Schema } from "effect"
import { CliError } from "effect/cli"

class CannotWrite extends Schema.TaggedError<CannotWrite>("simlab/CannotWrite")("CannotWrite", {
  file: Schema.String,
  problem: Schema.String
}) {
  override get [CliError.userMessage]() {
    return `cannot write ${this.file}: ${this.problem}`
  }
}

const words = ({ message, reason }: PlatformError.PlatformError): string => {
  switch (reason._tag) {
    case "NotFound":
      return "its directory does not exist"
    case "AlreadyExists":
      return "there is a file where its directory should be"
    case "PermissionDenied":
      return "it is not allowed"
    default:
      return message
  }
}

export const orCannotWrite = (file: string) =>
  Effect.mapError((error: PlatformError.PlatformError) => new CannotWrite({ file, problem: words(error) }))

export const write = (file: string, text: string) =>
  Effect.flatMap(FileSystem.FileSystem, (fs) => fs.writeFileString(file, text)).pipe(orCannotWrite(file))

/** A file that cannot be written is better said before the runs than after them. */
export const canWrite = Effect.fnUntraced(function* (file: string) {
  const fs = yield* FileSystem.FileSystem
  const directory = (yield* Path.Path).dirname(file)
  const isThere = yield* Effect.orElseSucceed(fs.exists(file), () => false)
  yield* fs.access(isThere ? file : directory, { writable: true }).pipe(orCannotWrite(file))
  if (isThere && (yield* orCannotWrite(file)(fs.stat(file))).type === "Directory") {
    return yield* new CannotWrite({ file, problem: "it is a directory" })
  }
})
