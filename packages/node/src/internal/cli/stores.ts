/** Which store is in a directory. */
import type { Lock, StateStore } from "@holdfast/core"
import { Effect, FileSystem, type Layer, Option } from "effect"
import { CliError } from "effect/cli"
import * as FileStateStore from "../../FileStateStore.ts"
import * as SqliteStateStore from "../../SqliteStateStore.ts"
import { type Kind, kinds, signs } from "../kinds.ts"

/** An error that is told in one sentence. */
export const told = (message: string): CliError.UserError =>
  new CliError.UserError({ cause: new Error(message), userMessage: message })

/** Nothing is opened that is not there: opening would make it. */
export const kindIn = Effect.fnUntraced(function* (directory: string, asked: Option.Option<Kind>) {
  const fs = yield* FileSystem.FileSystem
  const candidates = Option.match(asked, { onNone: () => kinds, onSome: (kind) => [kind] })
  const has = (path: string) =>
    Effect.catch(fs.exists(path), (error) => told(`one cannot look into ${directory}: ${error.message}`))
  // A directory can have files of these names for something else, but not the locks too.
  const isStore = Option.isSome(asked) || (yield* has(`${directory}/locks`))
  const found = yield* Effect.filter(isStore ? candidates : [], (kind) => has(`${directory}/${signs[kind]}`))
  const [kind] = found
  if (kind !== undefined && found.length === 1) return kind
  const names = candidates.map((kind) => signs[kind]).join(", ")
  return yield* told(
    kind === undefined
      ? `there is no store in ${directory}, which would have one of ${names}`
      : `there is more than one store in ${directory}: say which with --store`
  )
})

export const layerOf = (
  kind: Kind,
  directory: string
): Layer.Layer<StateStore.StateStore | Lock.Lock, StateStore.ReadError> => {
  switch (kind) {
    case "sqlite":
      return SqliteStateStore.layer({ directory })
    case "perKey":
      return FileStateStore.layer({ directory })
    case "single":
      return FileStateStore.layer({ directory, layout: "single" })
  }
}
