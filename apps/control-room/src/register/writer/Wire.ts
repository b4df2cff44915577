/**
 * How one talks with a writer: lines of JSON over its standard streams. It tells what was acknowledged to it before it does
 * anything else, so whoever kills it knows.
 */
import * as Schema from "effect/Schema"

/** Where a writer can be killed, whatever the store is. */
export const commonPoints = [
  "in a decision",
  "before an acknowledgement",
  "with a lease",
  "with a key",
  "with the lock of a slot"
] as const

/** Where it can be while it writes a file. */
export const filePoints = [
  "before the write",
  "in the middle of the write",
  "before the sync",
  "before the rename",
  "before the sync of the directory",
  "in the middle of the write of a slot"
] as const

/** Where one is that starts, and is no owner yet. */
export const startPoints = ["with the lock of a slot", "in the middle of the write of a slot"] as const
export type StartPoint = (typeof startPoints)[number]

export const Point = Schema.Literals([...commonPoints, ...filePoints])
export type Point = typeof Point.Type

export const StoreName = Schema.Literals(["sqlite", "file"])
export type StoreName = typeof StoreName.Type

/** What a process is to be. */
export interface Plan {
  readonly store: StoreName
  readonly directory: string
  /** Unique: a process that follows one that was killed has a name of its own. */
  readonly name: string
  readonly job: "contest" | "work"
  /** Where it stops while it starts, and waits to be killed. */
  readonly stopAt?: Point | undefined
}

/** What it is told. `stop at`: the next time that it gets there, it stops, and waits to be killed. */
export type Heard =
  | { readonly tag: "go" }
  | { readonly tag: "end" }
  | { readonly tag: "stop at"; readonly point: Point }
  /** In the contest: to remove whatever it may. */
  | { readonly tag: "clear" }

const at = { at: Schema.Finite }

/** What it tells; `at` is in milliseconds, of a clock that all processes share. */
export const Told = Schema.Union([
  /** It is an owner. */
  Schema.Struct({ tag: Schema.Literal("ready"), slot: Schema.Int, fence: Schema.Int, ...at }),
  /** One more of its changes is there. */
  Schema.Struct({ tag: Schema.Literal("wrote"), ...at }),
  /** It has a key. */
  Schema.Struct({ tag: Schema.Literal("won"), key: Schema.String, ...at }),
  /** It is about to let go of it. */
  Schema.Struct({ tag: Schema.Literal("freeing"), key: Schema.String, ...at }),
  /** A key that it has is not active. */
  Schema.Struct({ tag: Schema.Literal("robbed"), key: Schema.String, ...at }),
  /** A key that was active, and is kept. */
  Schema.Struct({ tag: Schema.Literal("kept"), key: Schema.String, ...at }),
  /** It has the ledger for itself. */
  Schema.Struct({ tag: Schema.Literal("leased"), fence: Schema.Int, ...at }),
  /** It is about to write, and to let go of it. */
  Schema.Struct({ tag: Schema.Literal("letting go"), fence: Schema.Int, ...at }),
  /** In the contest: whether it has the key. */
  Schema.Struct({ tag: Schema.Literal("tried"), key: Schema.String, isWinner: Schema.Boolean, ...at }),
  Schema.Struct({ tag: Schema.Literal("cleared"), ...at }),
  /** It does nothing any more until it is killed. */
  Schema.Struct({ tag: Schema.Literal("stopped"), point: Point, ...at }),
  /** Something failed that must not. */
  Schema.Struct({ tag: Schema.Literal("failed"), text: Schema.String, ...at }),
  Schema.Struct({ tag: Schema.Literal("done"), ...at })
])
export type Told = typeof Told.Type
