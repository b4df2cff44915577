/** Stores, and rows to put there. */
import { Lock, type StateBackend, type StateStore } from "@holdfast/core"
import { Cause, Effect, Exit, type Scope } from "effect"
import type { SqliteBackend } from "../../../src/internal/sqlite/backend.ts"
import { makeBackend } from "../../../src/internal/sqlite/make.ts"

type Row = StateBackend.Row

/** Opens a store, uses it, and closes it again. */
export const withStore = <A, E, R>(
  directory: string,
  use: (backend: SqliteBackend) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | StateStore.StoreUnavailable, Exclude<R, Scope.Scope>> =>
  Effect.scoped(Effect.flatMap(makeBackend(directory), use))

export const row = (value: string | undefined, version = 1, more: Partial<Row> = {}): Row => ({
  version,
  fence: 2,
  lease: 0,
  holder: undefined,
  ...more,
  stored:
    value === undefined
      ? undefined
      : { value, version, fence: Lock.Fence(1), schemaVersion: 1, writtenAtMillis: 1_800_000_000_000 }
})

/** A commit of nothing but these. */
export const put = (backend: SqliteBackend, rows: Readonly<Record<string, Row>>) =>
  backend.commit("all", () => new Map(Object.entries(rows)))

export const errorOf = <A, E>(exit: Exit.Exit<A, E>): E | undefined => {
  if (Exit.isSuccess(exit)) return undefined
  const fail = exit.cause.reasons.find(Cause.isFailReason)
  return fail?.error
}

/** The tag of what it fails with. */
export const tagOf = <A, E extends { readonly _tag: string }>(
  effect: Effect.Effect<A, E>
): Effect.Effect<string | undefined> => Effect.map(Effect.exit(effect), (exit) => errorOf(exit)?._tag)
