/**
 * What a store of files needs of an operating system beyond Effect's `FileSystem`: locks, and a look at a file that is
 * cheap enough for every read.
 *
 * @since 0.1.0
 */
import type { StateStore } from "@holdfast/core"
import { Context, type Effect, Layer, type PlatformError, type Scope } from "effect"
import { makeLock } from "./internal/file/nodeLock.ts"

/**
 * Locks on files, which die with whoever has them.
 *
 * **Details**
 *
 * - `tryLock`: takes the exclusive lock of a file until the scope closes, and makes the file when it is missing; `false`
 *   when somebody else has it, in this process or another.
 * - `isLocked`: whether somebody has the lock of a file, in this process too. Nothing is made, and a file that is missing is
 *   not locked. Others who look at the same time see nothing of it.
 * - `identity`: which file a path names, and when it was last changed; `undefined` for none. Two looks give the same only
 *   if nothing was written in between, as long as the file is held open.
 *
 * @since 0.1.0
 * @category services
 */
export class FileLock extends Context.Service<
  FileLock,
  {
    readonly tryLock: (path: string) => Effect.Effect<boolean, PlatformError.PlatformError, Scope.Scope>
    readonly isLocked: (path: string) => Effect.Effect<boolean, PlatformError.PlatformError>
    readonly identity: (path: string) => Effect.Effect<string | undefined, PlatformError.PlatformError>
  }
>()("@holdfast/node/FileLock") {}

/**
 * The locks of the operating system, through the package `fs-native-extensions`, which has to be among the dependencies
 * of the program: without it the layer fails with `StoreUnavailable` (`Unsupported`).
 *
 * **Details**
 *
 * On Linux they are locks of the open file (`F_OFD_SETLK`): nothing that the process does with the file elsewhere ends
 * one, and when the process is gone, however, so is the lock.
 *
 * @since 0.1.0
 * @category layers
 */
export const layerNode: Layer.Layer<FileLock, StateStore.StoreUnavailable> = Layer.effect(FileLock, makeLock)
