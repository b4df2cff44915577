/**
 * State and locks in a SQLite database, for the fibers and the processes of one machine.
 *
 * @since 0.1.0
 */
import { InvalidOptions, type Lock, StateBackend, type StateStore } from "@holdfast/core"
import { Effect, Layer } from "effect"
import { makeBackend } from "./internal/sqlite/make.ts"

/**
 * Where a store is.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** Is made when it is missing, then for its owner alone. */
  readonly directory: string
}

/**
 * The store of a directory, and its locks.
 *
 * @since 0.1.0
 * @category layers
 */
export const layer = (
  options: Options
): Layer.Layer<StateStore.StateStore | Lock.Lock, StateStore.StoreUnavailable> => {
  const { directory } = options
  if (directory === "" || directory.includes("\0")) {
    throw new InvalidOptions({
      module: "SqliteStateStore",
      option: "directory",
      problem: "must be the path of a directory"
    })
  }
  return Layer.effectContext(Effect.flatMap(makeBackend(directory), StateBackend.make))
}
