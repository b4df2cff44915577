/**
 * How one becomes an owner: the dead are buried, a slot that nobody has is locked for life, and its fence written down.
 *
 *   Starting ──the lock of a slot that nobody is enrolled for──▶ Locked ──written──▶ Enrolled ──its scope closes──▶ Gone
 *   Locked, Enrolled ──dies──▶ Dead ──somebody finds the lock free──▶ Gone
 */
import { Effect, Exit, Scope } from "effect"
import type { AcquireError, Lease, Lock } from "../../Lock.ts"
import type { LockedState, WriteError } from "../../LockedState.ts"
import { limit } from "../limit.ts"
import { Fenced, type LockTimeout } from "../lock/errors.ts"
import type { StoreUnavailable } from "../state/errors.ts"
import { TooManyOwners } from "./errors.ts"
import { bury, enroll, type Owner, ownersOf, type State } from "./state.ts"

export interface Place {
  /** The name of the register. */
  readonly key: string
  readonly maxOwners: number
  readonly state: LockedState<State>
  readonly lock: Lock["Service"]
}

/** The lock of a slot. */
export const slotKey = (key: string, slot: number): string => `${key}/owner/${slot}`

export const isSlotKey = (key: string): boolean => /\/owner\/\d+$/.test(key)

/** Whoever has a slot holds its lock as long as he lives, so one that is free tells of a death. */
export const lives = (
  { key, lock }: Place,
  { slot }: Owner
): Effect.Effect<boolean, LockTimeout | StoreUnavailable> => lock.isHeld(slotKey(key, slot))

/** How long whoever leaves waits until that is written. What he leaves unwritten is found dead. */
export const leaveNanos = 1_000_000_000n

/** An owner for as long as the scope lasts. */
export const enrolled = (
  place: Place,
  scope: Scope.Scope
): Effect.Effect<{ readonly me: Owner; readonly lease: Lease }, WriteError | TooManyOwners> =>
  Effect.gen(function* () {
    yield* sweep(place)
    const { lease, slot } = yield* takeSlot(place, scope)
    const me: Owner = { slot, fence: lease.fence }
    const last = yield* place.state.modify((state) => {
      const next = enroll(state, me)
      return [next.owners.get(slot), next]
    })
    if (last !== me.fence) {
      return yield* new Fenced({
        key: lease.key,
        fence: me.fence,
        ...(last === undefined ? {} : { current: last })
      })
    }
    yield* Scope.addFinalizer(scope, leave(place, me))
    return { me, lease }
  })

/** Nobody takes the slot of somebody who is enrolled, so that its lock tells of him and nobody else. */
const sweep = (place: Place) =>
  Effect.gen(function* () {
    const owners = ownersOf(yield* place.state.get)
    const dead = yield* Effect.filter(owners, (owner) =>
      Effect.map(lives(place, owner), (isAlive) => !isAlive)
    )
    if (dead.length > 0) yield* place.state.update((state) => bury(state, dead))
  })

const takeSlot = (
  { key, lock, maxOwners, state }: Place,
  scope: Scope.Scope
): Effect.Effect<{ readonly slot: number; readonly lease: Lease }, WriteError | TooManyOwners> =>
  Effect.gen(function* () {
    const { owners } = yield* state.get
    for (let slot = 0; slot < maxOwners; slot++) {
      if (owners.has(slot)) continue
      const lease = yield* Scope.provide(unlessTaken(lock.acquire(slotKey(key, slot), { wait: 0 })), scope)
      if (lease !== undefined) return { slot, lease }
    }
    return yield* new TooManyOwners({ register: key, maxOwners })
  })

const unlessTaken = <R>(acquire: Effect.Effect<Lease, AcquireError, R>) =>
  Effect.catchTag(acquire, "LockTimeout", (timeout) =>
    timeout.limit === "Wait" ? Effect.undefined : Effect.fail(timeout)
  )

const leave = ({ key, state }: Place, me: Owner): Effect.Effect<void> =>
  limit(
    state.update((all) => bury(all, [me])),
    {
      label: `owner of ${key}`,
      budgetNanos: leaveNanos,
      inherit: false,
      expired: () => "late" as const
    }
  ).pipe(Effect.exit, Effect.asVoid)

/** A scope that ends with this one, or at once when what is made in it fails. */
export const within = <A, E, R>(
  make: (scope: Scope.Scope) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R | Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.gen(function* () {
      const scope = yield* Scope.fork(yield* Effect.scope)
      return yield* Effect.onError(restore(make(scope)), () => Scope.close(scope, Exit.void))
    })
  )
