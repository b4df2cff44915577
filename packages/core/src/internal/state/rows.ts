/** What becomes of a row: pure steps from what is there to what shall be. */
import { Exit, Result } from "effect"
import { Fence } from "../../Lock.ts"
import type { Row } from "../../StateBackend.ts"
import type * as StateStore from "../../StateStore.ts"
import { Fenced } from "../lock/errors.ts"
import type { StateCorrupted } from "./errors.ts"
import type { Decision, Step } from "./request.ts"

/** Somebody has, or had, a lease of the key: only who has its lock can know which. */
export const leased: unique symbol = Symbol("leased")

/** With which right a transaction writes: none, that of a lease, or as the one who has the key's lock. */
export type Right = Fence | "holder" | undefined

const nothing: Row = { stored: undefined, version: 0, fence: 0, lease: 0, holder: undefined }

export const transaction =
  <A, E>(
    key: string,
    decide: (current: StateStore.Stored | undefined) => Result.Result<StateStore.Decision<A>, E>,
    right: Right
  ): Decision<A | typeof leased, E | Fenced | StateCorrupted> =>
  (found, nowMillis): Step<A | typeof leased, E | Fenced | StateCorrupted> => {
    if (Result.isFailure(found)) return { exit: Exit.fail(found.failure) }
    const row = found.success ?? nothing
    // Also one that was never given to anybody: no other writes than the last one of the key.
    if (typeof right === "number" && row.fence !== right) {
      return { exit: Exit.fail(new Fenced({ key, fence: right, current: row.fence })) }
    }
    if (right === undefined && row.lease !== 0) return { exit: Exit.succeed(leased) }
    const decided = decide(row.stored)
    if (Result.isFailure(decided)) return { exit: Exit.fail(decided.failure) }
    const decision = decided.success
    if (decision._tag === "Write") check(key, decision)
    const exit = Exit.succeed(decision.result)
    return decision._tag === "Keep" ? { exit } : { row: written(row, decision, right, nowMillis), exit }
  }

/** What no backend could keep as it is: who shares the commit must not suffer for it. */
const check = (
  key: string,
  { schemaVersion, value }: { readonly value: string; readonly schemaVersion: number }
): void => {
  if (typeof value !== "string") throw new TypeError(`the new value of "${key}" is no string`)
  if (!Number.isSafeInteger(schemaVersion) || schemaVersion < 0) {
    throw new TypeError(`the schema version of "${key}" must be a natural number, but is ${schemaVersion}`)
  }
}

const written = (
  row: Row,
  decision: { readonly value: string; readonly schemaVersion: number },
  right: Right,
  nowMillis: number
): Row => {
  // Whoever takes the key's lock raises the fence: so what was leased before cannot write any more.
  const fence = Fence(right === "holder" ? row.fence + 1 : row.fence)
  const version = row.version + 1
  const isLease = typeof right === "number"
  return {
    stored: {
      value: decision.value,
      version,
      fence,
      schemaVersion: decision.schemaVersion,
      writtenAtMillis: nowMillis
    },
    version,
    fence,
    lease: isLease ? fence : 0,
    holder: isLease ? row.holder : undefined
  }
}

/** A new lease, of a holder who has the key's lock. */
export const lease =
  (holder: string): Decision<Fence, StateCorrupted> =>
  (found): Step<Fence, StateCorrupted> => {
    if (Result.isFailure(found)) return { exit: Exit.fail(found.failure) }
    const row = found.success ?? nothing
    const fence = Fence(row.fence + 1)
    return { row: { ...row, fence, lease: fence, holder }, exit: Exit.succeed(fence) }
  }

/**
 * What takes the place of a row that cannot be read. How far its numbers had come may be lost; the wall clock's
 * milliseconds are further than any counting gets. A backend raises them where it can make out higher ones.
 */
export const repaired = (
  value: { readonly value: string; readonly schemaVersion: number } | undefined,
  nowMillis: number
): Row => ({
  stored:
    value === undefined
      ? undefined
      : { ...value, version: nowMillis, fence: Fence(nowMillis), writtenAtMillis: nowMillis },
  version: nowMillis,
  fence: nowMillis,
  lease: 0,
  holder: undefined
})
