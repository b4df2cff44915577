/** One thing that is done with a register, and what is promised of it. */
import type { Effect, FileSystem, Scope } from "effect"
import type { ChildProcessSpawner } from "effect/process"
import type { Live } from "../live/Live.ts"
import type { Promised } from "../Promised.ts"

export interface Stage {
  /** A directory of the scenario's own, which is removed afterwards. */
  readonly directory: string
  /** Where the code that processes have compiled is kept, for all of them. */
  readonly cache: string
  /** The program of a writer. */
  readonly writer: string
}

export interface Scenario {
  /** Unique among the scenarios; their promises begin with it. */
  readonly id: string
  /** Whether it mostly waits, and can do so beside the others. */
  readonly waits: boolean
  /** No longer than this, in seconds. */
  readonly secondsMax: number
  readonly run: (
    stage: Stage
  ) => Effect.Effect<
    ReadonlyArray<Promised>,
    unknown,
    Live | ChildProcessSpawner.ChildProcessSpawner | FileSystem.FileSystem | Scope.Scope
  >
}
