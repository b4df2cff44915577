/** A system of the control room: something that runs for real, and measures what it promises. */
import type { Effect, FileSystem } from "effect"
import type { ChildProcessSpawner } from "effect/process"
import type { Live } from "./live/Live.ts"
import type { Promised } from "./Promised.ts"

export interface System {
  /** What one types to run it. */
  readonly name: string
  /** One line for the help. */
  readonly summary: string
  /** Whether `Writers` says how many processes take part. */
  readonly takesWriters?: true
  /** It ends by itself. What cannot be measured is a promise that is not kept, not an error. */
  readonly run: Effect.Effect<
    ReadonlyArray<Promised>,
    never,
    Live | ChildProcessSpawner.ChildProcessSpawner | FileSystem.FileSystem
  >
}
