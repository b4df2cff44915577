/** What the workers and whoever watches them tell each other. All times are of the clock of the machine. */
import type { Death } from "./points.ts"
import type { StoreName } from "./stores.ts"

export type Told =
  /** The store is open. */
  | { readonly tag: "ready" }
  /** A change was acknowledged. */
  | { readonly tag: "changed"; readonly at: number }
  /** A lease begins, and it is about to end. */
  | { readonly tag: "held"; readonly fence: number; readonly at: number }
  | { readonly tag: "freed"; readonly fence: number; readonly at: number }
  /** Something went wrong that must not. */
  | { readonly tag: "failed"; readonly at: number; readonly error: string; readonly text: string }
  | { readonly tag: "paused" }
  | { readonly tag: "dying"; readonly at: number }

export type Heard = { readonly tag: "go"; readonly death?: Death | undefined } | { readonly tag: "pause" }

export interface Task {
  readonly store: StoreName
  readonly directory: string
  /** Of all workers of a directory, it has this name alone. */
  readonly name: string
}
