/**
 * One typed value that many fibers, and with the right store many processes, share: no update is lost, no reader sees half
 * of one, and no lock outlives its holder.
 *
 * It has the names and shapes of `Ref`. A change is a pure function, so that many share one durable commit; a change that
 * needs an effect has the value for itself meanwhile (`modifyEffect`). Where the value lives is the store's business:
 * in memory (`StateStore.layerMemory`), in SQLite or in files.
 *
 * @guarantee LS-1 What was acknowledged is never lost, wherever a process is killed.
 * @guarantee LS-2 A reader sees the old value or the new one, never a mixture.
 * @guarantee LS-3 Changes are linearizable, also across processes.
 * @guarantee LS-4 A change that fails, or is interrupted, leaves the old value; if it was durable already it is
 *   there, and who was not interrupted is told so, or told that it is unknown.
 * @guarantee LS-5 A corrupt value is `StateCorrupted`, and its bytes stay as they are until it is repaired.
 * @guarantee LS-6 A full disk, missing rights and a read-only directory are typed errors, and the old value is intact.
 * @guarantee LS-7 A value of a newer schema is refused; one of an older is migrated, and written under the lock.
 *
 * **Telemetry**
 *
 * Counters `holdfast_state_commits`, `holdfast_state_decisions` (which share those commits) and `holdfast_state_busy`
 * (commits that another process was in the way of).
 *
 * @since 0.1.0
 */
import { Context, type Duration, Effect, Exit, Layer, Result, type Schema, Stream } from "effect"
import { useLease } from "./internal/lock/useLease.ts"
import { type Codec, codecOf } from "./internal/state/codec.ts"
import * as errors from "./internal/state/errors.ts"
import { checkKey } from "./internal/state/keys.ts"
import { Fence, type Fenced, Lock, type LockTimeout } from "./Lock.ts"
import type { OutcomeUnknown } from "./OutcomeUnknown.ts"
import {
  type Decision,
  type StateCorrupted,
  StateStore,
  type Stored,
  type StoreFull,
  type StoreUnavailable
} from "./StateStore.ts"

// -----------------------------------------------------------------------------
// Errors
// -----------------------------------------------------------------------------

/**
 * The value was written by a program that knows a newer schema: it is neither read nor written over. Update the program.
 *
 * @since 0.1.0
 * @category errors
 */
export const SchemaTooNew = errors.SchemaTooNew

/**
 * @since 0.1.0
 * @category errors
 */
export type SchemaTooNew = errors.SchemaTooNew

/**
 * What reading can fail with.
 *
 * @since 0.1.0
 * @category errors
 */
export type ReadError = StateCorrupted | SchemaTooNew | StoreUnavailable

/**
 * What a change can fail with. All but `OutcomeUnknown` mean that the value is as it was.
 *
 * @since 0.1.0
 * @category errors
 */
export type WriteError = ReadError | StoreFull | LockTimeout | Fenced | OutcomeUnknown

// -----------------------------------------------------------------------------
// Models
// -----------------------------------------------------------------------------

/**
 * A value, and which one it is.
 *
 * **Details**
 *
 * `version` grows with each write and is `0` before the first, when the value is the initial one; then `writtenAtMillis`
 * is `undefined`. `fence` is the highest of the key when it was written.
 *
 * @since 0.1.0
 * @category models
 */
export interface Snapshot<out A> {
  readonly value: A
  readonly version: number
  readonly fence: Fence
  readonly writtenAtMillis: number | undefined
}

/**
 * How a change waits: `wait` is the longest time until it begins, by default until the ambient deadline; `0` tries once.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  readonly wait?: Duration.Input | undefined
}

/**
 * A value that is shared.
 *
 * **Details**
 *
 * - `get`, `snapshot`: the value as it is now, whoever wrote it. From memory when nothing has changed.
 * - `changes`: the value, and then whatever it becomes, also by other processes. Who is slow misses what was between, and
 *   never the last.
 * - `modify`, `update`, `updateAndGet`: a pure change; one that changes nothing writes nothing. It may be computed again, and gets a copy of its own. One that throws
 *   is a defect of its caller, and changes nothing.
 * - `modifyEffect`: a change that needs an effect. Nobody else changes the value meanwhile: plain changes wait. It gets
 *   the fence of its lease, for whatever else it writes to. When the effect fails or is interrupted, nothing has changed.
 * - `compareAndSet`: writes if the value is still the one that was expected, by its version; says whether it did.
 *
 * **Gotchas**
 *
 * What `get` gives is shared by all who ask: do not change it in place. A change of the same value inside of a
 * `modifyEffect` waits for itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface LockedState<in out A> {
  readonly get: Effect.Effect<A, ReadError>
  readonly snapshot: Effect.Effect<Snapshot<A>, ReadError>
  readonly changes: Stream.Stream<Snapshot<A>, ReadError>
  readonly modify: <B>(f: (value: A) => readonly [B, A], options?: Options) => Effect.Effect<B, WriteError>
  readonly update: (f: (value: A) => A, options?: Options) => Effect.Effect<void, WriteError>
  readonly updateAndGet: (f: (value: A) => A, options?: Options) => Effect.Effect<A, WriteError>
  readonly modifyEffect: <B, E, R>(
    f: (value: A, fence: Fence) => Effect.Effect<readonly [B, A], E, R>,
    options?: Options
  ) => Effect.Effect<B, E | WriteError, R>
  readonly compareAndSet: (
    expected: Snapshot<A>,
    value: A,
    options?: Options
  ) => Effect.Effect<boolean, WriteError>
}

/**
 * What the value is.
 *
 * **Details**
 *
 * - `schema`: its type; it is stored in the JSON form of the schema (`Schema.toCodecJson`).
 * - `initial`: what it is before the first write.
 * - `version`: that of the schema, 1 by default. Raise it when older programs could not read what newer ones write.
 * - `migrations`: how the JSON form of version `from` becomes that of the next, for each version that may still be on disk.
 *
 * @since 0.1.0
 * @category models
 */
export interface Definition<A> {
  readonly schema: Schema.ConstraintCodec<A, unknown>
  readonly initial: NoInfer<A>
  readonly version?: number | undefined
  readonly migrations?:
    | ReadonlyArray<{ readonly from: number; readonly migrate: (encoded: unknown) => unknown }>
    | undefined
}

// -----------------------------------------------------------------------------
// Constructors
// -----------------------------------------------------------------------------

/**
 * The value of a key in the ambient store.
 *
 * **Details**
 *
 * Nothing is read or written yet. Throws `InvalidOptions` for a key that is empty or longer than 200 characters, and for
 * migrations with gaps.
 *
 * **Example** (Nobody's update is lost)
 *
 * ```ts
 * import { LockedState, StateStore } from "@holdfast/core"
 * import { Effect, Schema } from "effect"
 *
 * const program = Effect.gen(function* () {
 *   const visits = yield* LockedState.make("visits", { schema: Schema.Number, initial: 0 })
 *   const visit = visits.update((n) => n + 1)
 *   yield* Effect.all(Array.from({ length: 100 }, () => visit), { concurrency: "unbounded" })
 *   return yield* visits.get
 * })
 *
 * console.log(await Effect.runPromise(Effect.provide(program, StateStore.layerMemory))) // => 100
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A>(
  key: string,
  definition: Definition<A>
): Effect.Effect<LockedState<A>, never, StateStore | Lock> => {
  checkKey("LockedState", key)
  const codec = codecOf(key, definition)
  return Effect.gen(function* () {
    const store = yield* StateStore
    const lock = yield* Lock
    return bind(key, codec(store.label), store, lock)
  })
}

const bind = <A>(
  key: string,
  codec: Codec<A>,
  store: StateStore["Service"],
  lock: Lock["Service"]
): LockedState<A> => {
  const snapshots = Effect.flatMap(store.read(key), remembered(codec))
  /** Nothing is written where nothing would change. */
  const write = <B>(stored: Stored | undefined, value: A, result: B): Decision<B> => {
    const text = codec.encode(value)
    const { schemaVersion, value: before } = stored ?? { schemaVersion: codec.version, value: codec.initial }
    return before === text && schemaVersion === codec.version
      ? { _tag: "Keep", result }
      : { _tag: "Write", value: text, schemaVersion: codec.version, result }
  }
  const modify: LockedState<A>["modify"] = (f, options) =>
    store.transact(
      key,
      (stored) =>
        Result.map(codec.decode(stored), (value) => {
          const [result, next] = f(value)
          return write(stored, next, result)
        }),
      options
    )
  return {
    snapshot: snapshots,
    get: Effect.map(snapshots, ({ value }) => value),
    changes: Stream.mapEffect(store.watch(key), remembered(codec)),
    modify,
    update: (f, options) => modify((value) => [undefined, f(value)], options),
    updateAndGet: (f, options) =>
      modify((value) => {
        const next = f(value)
        return [next, next]
      }, options),
    modifyEffect: (f, options) =>
      useLease(
        lock,
        key,
        ({ fence }) =>
          Effect.gen(function* () {
            const value = yield* Effect.fromResult(codec.decode(yield* store.read(key)))
            const [result, next] = yield* f(value, fence)
            return yield* store.transact(key, (stored) => Result.succeed(write(stored, next, result)), {
              fence
            })
          }),
        options
      ),
    compareAndSet: (expected, value, options) =>
      store.transact(
        key,
        (stored) =>
          Result.map(
            codec.decode(stored),
            (): Decision<boolean> =>
              (stored?.version ?? 0) === expected.version
                ? write(stored, value, true)
                : { _tag: "Keep", result: false }
          ),
        options
      )
  }
}

/** Decodes what was read, and remembers the last: as long as nothing changes, a store gives the same object. */
const remembered = <A>(
  codec: Codec<A>
): ((stored: Stored | undefined) => Exit.Exit<Snapshot<A>, StateCorrupted | SchemaTooNew>) => {
  let last: Exit.Exit<Snapshot<A>, StateCorrupted | SchemaTooNew> | undefined
  let lastOf: Stored | undefined
  return (stored) => {
    if (last !== undefined && lastOf === stored) return last
    lastOf = stored
    const decoded = codec.decode(stored)
    last = Result.isFailure(decoded)
      ? Exit.fail(decoded.failure)
      : Exit.succeed({
          value: decoded.success,
          version: stored?.version ?? 0,
          fence: stored?.fence ?? Fence(0),
          writtenAtMillis: stored?.writtenAtMillis
        })
    return last
  }
}

// -----------------------------------------------------------------------------
// Service
// -----------------------------------------------------------------------------

/**
 * What `Service` makes: the key of the service, and its layer.
 *
 * @since 0.1.0
 * @category services
 */
export interface ServiceClass<Self, Id extends string, A>
  extends Context.ServiceClass<Self, Id, LockedState<A>> {
  readonly layer: Layer.Layer<Self, never, StateStore | Lock>
}

/**
 * A class for a value of an application; its key in the store is the id.
 *
 * **Example** (What was sent, once)
 *
 * ```ts
 * import { LockedState, StateStore } from "@holdfast/core"
 * import { Effect, Layer, Schema } from "effect"
 *
 * class Sent extends LockedState.Service<Sent>()("app/Sent", {
 *   schema: Schema.Array(Schema.String),
 *   initial: []
 * }) {}
 *
 * const isFirst = (id: string) =>
 *   Effect.flatMap(Sent, (sent) =>
 *     sent.modify((ids) => (ids.includes(id) ? [false, ids] : [true, [...ids, id]]))
 *   )
 *
 * const program = Effect.all([isFirst("a"), isFirst("b"), isFirst("a")])
 * const layer = Layer.provide(Sent.layer, StateStore.layerMemory)
 *
 * console.log(await Effect.runPromise(Effect.provide(program, layer))) // => [ true, true, false ]
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export const Service =
  <Self>() =>
  <const Id extends string, A>(id: Id, definition: Definition<A>): ServiceClass<Self, Id, A> => {
    const tag = Context.Service<Self, LockedState<A>>()(id)
    return Object.assign(tag, { layer: Layer.effect(tag, make(id, definition)) })
  }
