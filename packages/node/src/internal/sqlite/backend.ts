/** A store as a `StateBackend`: what happens in SQLite, as effects. */

import { join } from "node:path"
import { OutcomeUnknown, type StateBackend, StateStore } from "@holdfast/core"
import { Clock, Effect, Result, type Scope, type Stream } from "effect"
import { encodeName } from "../file/names.ts"
import { Damage } from "./damage.ts"
import { toReadError, toUnavailable } from "./errors.ts"
import { isBusy, isFull, type Site } from "./failure.ts"
import { hints } from "./hints.ts"
import type { Locks } from "./locks.ts"
import { repairStore } from "./repair.ts"
import { type Session, Unknown } from "./session.ts"
import type { Store } from "./store.ts"
import { untilFree } from "./untilFree.ts"
import { NoRoom, Thrown, writeInRoom } from "./write.ts"

type Row = StateBackend.Row

export class SqliteBackend implements StateBackend.StateBackend {
  readonly label: string
  readonly owner = `pid ${process.pid}`
  readonly hints: Stream.Stream<void>
  private readonly store: Store
  private readonly locks: Locks

  constructor(label: string, store: Store, locks: Locks) {
    this.label = label
    this.store = store
    this.locks = locks
    this.hints = hints(store.place.changes)
  }

  /** Opens the database. When it is damaged, each key says so, and can be repaired. */
  readonly open: Effect.Effect<void, StateStore.StoreUnavailable> = untilFree(
    () => {
      try {
        this.store.open()
      } catch (error) {
        if (!(error instanceof Damage)) throw error
      }
      return Effect.void
    },
    (error) => toUnavailable(error, this.site("open"))
  )

  /** All of it, whatever the path that somebody opened it with. */
  documentOf(): string {
    return "state"
  }

  readonly read = (key: string): Effect.Effect<Row | undefined, StateStore.ReadError> =>
    Effect.suspend(() => {
      const known = this.store.known(key)
      return known === undefined
        ? this.look("read", key, (session) => session.read(key))
        : Effect.succeed(known.entry?.row)
    })

  readonly keys = (prefix: string): Effect.Effect<ReadonlyArray<string>, StateStore.ReadError> =>
    this.look("list", prefix, ({ table }) => table.keys(prefix))

  readonly commit = (
    _document: string,
    decide: StateBackend.Decide
  ): Effect.Effect<boolean, StateBackend.CommitError> =>
    this.change("commit", "", () => {
      const toError = (key: string, damage: Damage) =>
        damage.toError(this.label, key, this.store.place.database)
      const note = this.store.run((session) => writeInRoom(session, decide, toError))
      if (note !== undefined) this.store.witness.tell(note)
      return true
    })

  readonly repair = (
    key: string,
    row: Row
  ): Effect.Effect<string | undefined | false, StateBackend.CommitError> =>
    this.change("repair", key, () => repairStore(this.store, key, row))

  readonly tryLock = (name: string): Effect.Effect<boolean, StateStore.StoreUnavailable, Scope.Scope> =>
    Effect.map(
      Effect.acquireRelease(
        this.withLocks("lock", name, (locks) => locks.tryTake(name)),
        (letGo) => Effect.sync(() => letGo?.())
      ),
      (letGo) => letGo !== undefined
    )

  readonly isLocked = (name: string): Effect.Effect<boolean, StateStore.StoreUnavailable> =>
    this.withLocks("look at a lock", name, (locks) => locks.isTaken(name))

  private withLocks<A>(
    operation: string,
    name: string,
    use: (locks: Locks) => A
  ): Effect.Effect<A, StateStore.StoreUnavailable> {
    return Effect.try({
      try: () => use(this.locks),
      catch: (error) => {
        const { locks: directory } = this.store.place
        const file = join(directory, encodeName(name))
        return toUnavailable(error, { store: this.label, operation, directory, file })
      }
    })
  }

  private look<A>(
    operation: string,
    key: string,
    use: (session: Session) => Result.Result<A, Damage>
  ): Effect.Effect<A, StateStore.ReadError> {
    const onError = (error: unknown) => toReadError(error, key, this.site(operation))
    return untilFree(() => {
      const found = this.store.run(use)
      return Result.isSuccess(found) ? Effect.succeed(found.success) : Effect.fail(onError(found.failure))
    }, onError)
  }

  private change<A>(
    operation: string,
    key: string,
    use: () => A
  ): Effect.Effect<A | false, StateBackend.CommitError> {
    return Clock.clockWith((clock): Effect.Effect<A | false, StateBackend.CommitError> => {
      const startNanos = clock.monotonicTimeNanosUnsafe()
      try {
        return Effect.succeed(use())
      } catch (error) {
        if (isBusy(error)) return Effect.succeed(false)
        if (error instanceof Thrown) return Effect.die(error.cause)
        const elapsedMillis = Number(clock.monotonicTimeNanosUnsafe() - startNanos) / 1e6
        return Effect.fail(this.toCommitError(error, operation, key, elapsedMillis))
      }
    })
  }

  private toCommitError(
    error: unknown,
    operation: string,
    key: string,
    elapsedMillis: number
  ): StateBackend.CommitError {
    const { label } = this
    if (error instanceof NoRoom)
      return new StateStore.StoreFull({ store: label, key: error.key, cause: error.cause })
    if (isFull(error)) return new StateStore.StoreFull({ store: label, key, cause: error })
    if (error instanceof Unknown) return new OutcomeUnknown({ label, elapsedMillis, cause: error.cause })
    return toReadError(error, key, this.site(operation))
  }

  private site(operation: string): Site {
    const { database, directory } = this.store.place
    return { store: this.label, operation, directory, file: database }
  }
}
