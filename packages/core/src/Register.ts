/**
 * Which keys are active, and who has them, shared by processes: names that are taken, jobs that run, accounts that are
 * being worked on. What a process that died has left is told from what a living one has, and is free.
 *
 * Each instance is one *owner*, for as long as its scope lasts. It holds the lock of a *slot* for life, the first that
 * nobody has, and the fence of that lease makes it unique for ever: an owner is a slot and a fence. As a lock dies with its
 * holder, a slot whose lock is free tells of a death, within the milliseconds that the operating system takes.
 *
 * @guarantee RG-1 Of all who try to acquire a key at the same time, in one process or many, exactly one has it.
 * @guarantee RG-2 What a dead owner had is free for whoever asks next; what a living one has never is.
 * @guarantee RG-3 An owner that others have taken for dead frees, keeps and overwrites nothing any more, and is told so.
 * @guarantee RG-4 A guard frees its key when its scope closes, on success, failure and interruption; nothing else of its
 *   owner does, and it frees nothing else.
 *
 * **Telemetry**
 *
 * Counter `holdfast_register_dead`: owners that were found dead. A key that could not be freed yet is logged.
 *
 * @since 0.1.0
 */
import { Context, Effect, Layer, Scope } from "effect"
import { InvalidOptions } from "./InvalidOptions.ts"
import { positiveInteger } from "./internal/duration.ts"
import { enrolled, isSlotKey, type Place, slotKey, within } from "./internal/register/enrolled.ts"
import * as errors from "./internal/register/errors.ts"
import { type ReadError as InternalReadError, Registry } from "./internal/register/registry.ts"
import { empty, State } from "./internal/register/state.ts"
import * as steps from "./internal/register/steps.ts"
import { checkKey } from "./internal/state/keys.ts"
import { Fenced, Lock } from "./Lock.ts"
import * as LockedState from "./LockedState.ts"
import type { StateStore } from "./StateStore.ts"

// -----------------------------------------------------------------------------
// Errors
// -----------------------------------------------------------------------------

/**
 * Somebody has the key, and lives: another owner, or a guard of this very one (`isOwn`).
 *
 * @since 0.1.0
 * @category errors
 */
export const KeyTaken = errors.KeyTaken

/**
 * @since 0.1.0
 * @category errors
 */
export type KeyTaken = errors.KeyTaken

/**
 * There are as many owners who live as there may be.
 *
 * @since 0.1.0
 * @category errors
 */
export const TooManyOwners = errors.TooManyOwners

/**
 * @since 0.1.0
 * @category errors
 */
export type TooManyOwners = errors.TooManyOwners

/**
 * What looking can fail with.
 *
 * **Details**
 *
 * `Fenced`: this owner was taken for dead, and has nothing any more. `LockTimeout`: the ambient deadline has passed.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError = InternalReadError

/**
 * What a change can fail with. All but `OutcomeUnknown` mean that nothing has changed.
 *
 * @since 0.1.0
 * @category errors
 */
export type WriteError = LockedState.WriteError

// -----------------------------------------------------------------------------
// Models
// -----------------------------------------------------------------------------

/**
 * Whoever can have keys: one instance of a register. `fence` is higher than that of all who had the slot before.
 *
 * @since 0.1.0
 * @category models
 */
export interface Owner {
  readonly slot: number
  readonly fence: number
}

/**
 * A key: active, and whose, or only kept.
 *
 * @since 0.1.0
 * @category models
 */
export type Entry =
  | { readonly active: true; readonly owner: Owner }
  | { readonly active: false; readonly owner: undefined }

/**
 * A register, as one of its owners has it.
 *
 * **Details**
 *
 * A key is *free* when it is not active; one whose owner is dead is.
 *
 * - `tryAcquire`: makes a free key the owner's own, and says whether it did; `false` also when it was its own before.
 * - `activate`: the same for whoever wants to have it anyhow: nothing happens when it is its own, and it fails with
 *   `KeyTaken` when somebody else has it.
 * - `deactivate`: the key is free again, and kept; `release`: it is removed. They fail with `KeyTaken` when somebody else
 *   has it. Keys that are not active have no owner: `release` removes them, `deactivate` leaves them.
 * - `isActive`, `snapshot`: what is so at this moment, whoever wrote it. They write nothing.
 * - `clear`: removes every key but those that others have, and those of guards.
 * - `guard`: has a free key for as long as the scope lasts, and then removes it. It fails with `KeyTaken` when it is not
 *   free: a second guard does, also of the same owner. Until it ends, nothing else frees its key.
 * - `lost`: waits until this owner was taken for dead. Let it race with what must not go on then.
 *
 * Whatever cannot tell whether a key is free looks at the lock of its owner's slot. It waits for nobody.
 *
 * Whoever is interrupted while a key is being taken for him does not have it. Of `OutcomeUnknown` the same becomes true
 * as soon as the store works again.
 *
 * **Gotchas**
 *
 * Who is interrupted the moment after he was told that he has a key, has it: `guard` leaves no such moment. When a guard ends and the store fails, its key stays taken for others until it works again; that is tried until the
 * owner ends, and the scope waits for a second.
 *
 * @since 0.1.0
 * @category models
 */
export interface Register {
  readonly owner: Owner
  readonly lost: Effect.Effect<Fenced>
  readonly tryAcquire: (key: string) => Effect.Effect<boolean, WriteError>
  readonly activate: (key: string) => Effect.Effect<void, WriteError | KeyTaken>
  readonly deactivate: (key: string) => Effect.Effect<void, WriteError | KeyTaken>
  readonly release: (key: string) => Effect.Effect<void, WriteError | KeyTaken>
  readonly guard: (key: string) => Effect.Effect<void, WriteError | KeyTaken, Scope.Scope>
  readonly isActive: (key: string) => Effect.Effect<boolean, ReadError>
  readonly snapshot: Effect.Effect<ReadonlyMap<string, Entry>, ReadError>
  readonly clear: Effect.Effect<void, WriteError>
}

/**
 * How many owners may live at the same time: 256 by default, more than a host has processes that share something.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly maxOwners?: number | undefined
}

// -----------------------------------------------------------------------------
// Constructors
// -----------------------------------------------------------------------------

/**
 * A new owner of the register with this name in the ambient store, until the scope closes. What it has then is removed.
 *
 * **Details**
 *
 * The register is one value of the store, under `key`; the locks of its slots are `<key>/owner/0`, `1` and so on, as many
 * as there were owners at the same time. Before it begins, what dead owners have left is removed. Throws `InvalidOptions`
 * for a key that is empty or too long, and for a `maxOwners` that is no number of them.
 *
 * **Gotchas**
 *
 * - Every instance is an owner of its own, also in one process: share one, as the layer of `Service` does.
 * - When the value is corrupt and was repaired, nobody is an owner any more: all get `Fenced`, and have to begin anew.
 *
 * **Example** (One winner)
 *
 * ```ts
 * import { Register, StateStore } from "@holdfast/core"
 * import { Effect } from "effect"
 *
 * const program = Effect.gen(function*() {
 *   const one = yield* Register.make("jobs")
 *   const other = yield* Register.make("jobs")
 *   const attempts = [one.tryAcquire("nightly"), other.tryAcquire("nightly"), other.tryAcquire("nightly")]
 *   return yield* Effect.all(attempts, { concurrency: "unbounded" })
 * })
 *
 * const results = await Effect.runPromise(Effect.scoped(Effect.provide(program, StateStore.layerMemory)))
 * console.log(results.filter((isWinner) => isWinner).length) // => 1
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = (
  key: string,
  options: Options = {}
): Effect.Effect<Register, WriteError | TooManyOwners, StateStore | Lock | Scope.Scope> => {
  const { maxOwners = 256 } = options
  positiveInteger("Register", "maxOwners", maxOwners)
  checkKey("Register", key)
  checkKey("Register", slotKey(key, maxOwners))
  if (isSlotKey(key)) {
    const problem = `must not be that of an owner of another register, but is ${JSON.stringify(key)}`
    throw new InvalidOptions({ module: "Register", option: "key", problem })
  }
  return within((scope) =>
    Effect.gen(function* () {
      const state = yield* LockedState.make(key, { schema: State, initial: empty })
      const place: Place = { key, maxOwners, state, lock: yield* Lock }
      const { lease, me } = yield* enrolled(place, scope)
      const registry = new Registry(place, me, scope)
      yield* Effect.forkIn(
        Effect.flatMap(lease.lost, (by) => registry.lose(by)),
        scope
      )
      // Others may soon take what it had: it is no owner any more, whether or not its end can be written.
      const over = new Fenced({ key: lease.key, fence: me.fence })
      yield* Scope.addFinalizer(scope, registry.lose(over))
      return bind(registry)
    })
  )
}

const orTaken = <E>(
  self: Effect.Effect<errors.KeyTaken | undefined, E>
): Effect.Effect<void, E | errors.KeyTaken> =>
  Effect.flatMap(self, (taken) => (taken === undefined ? Effect.void : Effect.fail(taken)))

const bind = (registry: Registry): Register => ({
  owner: registry.me,
  lost: registry.lost,
  tryAcquire: (key) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.map(
        registry.take(restore, false, (held) => steps.tryAcquire(key, held)),
        ({ value }) => value
      )
    ),
  activate: (key) =>
    Effect.uninterruptibleMask((restore) =>
      orTaken(
        Effect.map(
          registry.take(restore, false, (held) => steps.activate(key, held)),
          ({ value }) => value
        )
      )
    ),
  deactivate: (key) => orTaken(registry.run(steps.deactivate(key))),
  release: (key) => orTaken(registry.run(steps.release(key))),
  guard: (key) =>
    Effect.uninterruptibleMask((restore) =>
      Effect.flatMap(
        registry.take(restore, true, (held) => steps.guard(key, held)),
        ({ hold, value: taken }) =>
          taken === undefined ? Effect.addFinalizer(() => registry.letGo(hold)) : Effect.fail(taken)
      )
    ),
  isActive: (key) => registry.read(steps.isActive(key)),
  snapshot: Effect.map(registry.read(steps.entries), snapshotOf),
  clear: registry.run(steps.clear)
})

const snapshotOf = (entries: State["entries"]): ReadonlyMap<string, Entry> =>
  new Map(
    Array.from(entries, ([key, held]): readonly [string, Entry] => [
      key,
      held === null
        ? { active: false, owner: undefined }
        : { active: true, owner: { slot: held.slot, fence: held.fence } }
    ])
  )

// -----------------------------------------------------------------------------
// Service
// -----------------------------------------------------------------------------

/**
 * What `Service` makes: the key of the service, and its layer.
 *
 * @since 0.1.0
 * @category services
 */
export interface ServiceClass<Self, Id extends string> extends Context.ServiceClass<Self, Id, Register> {
  readonly layer: Layer.Layer<Self, WriteError | TooManyOwners, StateStore | Lock>
}

/**
 * A class for a register of an application; its name in the store is the id. Its layer is one owner.
 *
 * **Example** (Held while it runs)
 *
 * ```ts
 * import { Register, StateStore } from "@holdfast/core"
 * import { Effect, Layer } from "effect"
 *
 * class Accounts extends Register.Service<Accounts>()("app/Accounts") {}
 *
 * const settle = (account: string) =>
 *   Effect.gen(function*() {
 *     const accounts = yield* Accounts
 *     yield* accounts.guard(account)
 *     return `settled ${account}: ${yield* accounts.isActive(account)}`
 *   }).pipe(Effect.scoped, Effect.catchTag("KeyTaken", ({ key }) => Effect.succeed(`${key} is busy`)))
 *
 * const program = Effect.all([settle("ada"), settle("ada")])
 * const layer = Layer.provide(Accounts.layer, StateStore.layerMemory)
 *
 * console.log(await Effect.runPromise(Effect.provide(program, layer))) // => [ 'settled ada: true', 'settled ada: true' ]
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export const Service =
  <Self>() =>
  <const Id extends string>(id: Id, options: Options = {}): ServiceClass<Self, Id> => {
    const tag = Context.Service<Self, Register>()(id)
    return Object.assign(tag, { layer: Layer.effect(tag, make(id, options)) })
  }
