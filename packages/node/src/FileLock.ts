/**
 * What a store of files needs of an operating system beyond Effect's `FileSystem`: locks, and a look at a file that is
 * cheap enough for every read.
 *
 * @since 0.1.0
 */
import { Context, type Effect, type PlatformError, type Scope } from "effect"

/**
 * Locks on files, which die with whoever has them.
 *
 * **Details**
 *
 * - `tryLock`: takes the exclusive lock of a file until the scope closes, and makes the file when it is missing; `false`
 *   when somebody else has it, in this process or another.
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
    readonly identity: (path: string) => Effect.Effect<string | undefined, PlatformError.PlatformError>
  }
>()("@holdfast/node/FileLock") {}
