import type { Lock, StateBackend } from "@holdfast/core"
import { Brand, Effect, Predicate } from "effect"

const fence = Brand.nominal<Lock.Fence>()

/** A row with a value. */
export const row = (value: string, version = 1): StateBackend.Row => ({
  stored: { value, version, fence: fence(0), schemaVersion: 1, writtenAtMillis: 0 },
  version,
  fence: 0,
  lease: 0,
  holder: undefined
})

/** A row of a key that was only locked. */
export const leased: StateBackend.Row = { stored: undefined, version: 0, fence: 1, lease: 1, holder: "test" }

/** Writes these rows of one document, and dies when somebody else has it. */
export const write = (
  backend: StateBackend.StateBackend,
  rows: Readonly<Record<string, StateBackend.Row>>
) => {
  const [key = ""] = Object.keys(rows)
  return Effect.flatMap(
    backend.commit(backend.documentOf(key), () => new Map(Object.entries(rows))),
    (isDone) => (isDone ? Effect.void : Effect.die(new Error("the document is busy")))
  )
}

export const valueOf = (backend: StateBackend.StateBackend, key: string) =>
  Effect.map(backend.read(key), (found) => found?.stored?.value)

/** What an effect fails with, in two words. */
export const failureOf = <A, R>(
  effect: Effect.Effect<A, { readonly _tag: string }, R>
): Effect.Effect<string, A, R> =>
  Effect.map(Effect.flip(effect), (error) =>
    Predicate.hasProperty(error, "reason") ? `${error._tag} ${error.reason}` : error._tag
  )
