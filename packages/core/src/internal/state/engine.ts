/** What a backend becomes: a store and its locks. Each operation is one method here; the parts are beside it. */
import { Cause, Clock, Effect, Exit, type RcRef, Result, Scope, Stream } from "effect"
import type { AcquireError, Fence, Lease, Lock, Options } from "../../Lock.ts"
import { OutcomeUnknown } from "../../OutcomeUnknown.ts"
import type { StateBackend } from "../../StateBackend.ts"
import type * as StateStore from "../../StateStore.ts"
import { likeExpiry } from "../limit.ts"
import { LockTimeout } from "../lock/errors.ts"
import { Changes } from "./changes.ts"
import { Documents } from "./documents.ts"
import { closed, StoreUnavailable } from "./errors.ts"
import { KeyLocks } from "./keyLocks.ts"
import { checkKey } from "./keys.ts"
import { Patience } from "./patience.ts"
import { briefly } from "./pause.ts"
import { type Decision, type Failure, Request } from "./request.ts"
import * as rows from "./rows.ts"
import { Unleased } from "./unleased.ts"

type Decide<A, E> = (current: StateStore.Stored | undefined) => Result.Result<StateStore.Decision<A>, E>

/** The time was up in the middle of a commit. */
class StillTaken {
  readonly _tag = "StillTaken"
}

export class Engine {
  private readonly backend: StateBackend
  private readonly documents: Documents
  private readonly locks: KeyLocks
  private readonly changes: Changes
  private readonly hints: RcRef.RcRef<void>
  private readonly unleased = new Unleased()
  private isClosed = false

  private constructor(backend: StateBackend, scope: Scope.Scope, changes: Changes, hints: RcRef.RcRef<void>) {
    this.backend = backend
    this.changes = changes
    this.hints = hints
    this.documents = new Documents(backend, scope, () => changes.tell())
    this.locks = new KeyLocks(backend)
  }

  get label(): string {
    return this.backend.label
  }

  static make(backend: StateBackend): Effect.Effect<Engine, never, Scope.Scope> {
    return Effect.gen(function* () {
      const changes = new Changes(backend.label)
      const hints = yield* changes.listen(backend)
      const scope = yield* Scope.make()
      const engine = new Engine(backend, scope, changes, hints)
      yield* Effect.addFinalizer(() =>
        Effect.suspend(() => {
          engine.isClosed = true
          engine.locks.close()
          return Effect.ensuring(
            Scope.close(scope, Exit.void),
            Effect.sync(() => {
              engine.documents.close()
              changes.close()
            })
          )
        })
      )
      return engine
    })
  }

  readonly read: StateStore.StateStore["Service"]["read"] = (key) =>
    Effect.map(
      Effect.suspend(() => (this.isClosed ? closed(this.label, "read") : this.backend.read(checked(key)))),
      (row) => row?.stored
    )

  readonly transact: StateStore.StateStore["Service"]["transact"] = (key, decide, options = {}) =>
    Effect.flatMap(Patience.begin(checked(key), options.wait), (patience) =>
      this.decide(key, decide, options.fence, patience)
    )

  readonly watch: StateStore.StateStore["Service"]["watch"] = (key) =>
    this.changes.watch(this.read(key), this.hints)

  readonly keys: StateStore.StateStore["Service"]["keys"] = (prefix) =>
    Stream.fromIterableEffect(
      Effect.suspend(() => (this.isClosed ? closed(this.label, "list keys") : this.backend.keys(prefix)))
    )

  readonly acquire = (
    key: string,
    { label, wait }: Options = {}
  ): Effect.Effect<Lease, AcquireError, Scope.Scope> => {
    const { owner } = this.backend
    const holder = label === undefined ? owner : `${label} (${owner})`
    return scopedApart(
      Effect.gen({ self: this }, function* () {
        const patience = yield* Patience.begin(checked(key), wait)
        yield* this.hold(key, patience, label)
        const fence = yield* this.issue(key, holder, patience.granted)
        return { key, fence, lost: Effect.never }
      })
    )
  }

  readonly isHeld: Lock["Service"]["isHeld"] = (key) =>
    Effect.flatMap(Patience.begin(checked(key), undefined), (patience) => this.locks.isHeld(key, patience))

  readonly repair: StateStore.StateStore["Service"]["repair"] = (key, value) =>
    Effect.gen({ self: this }, function* () {
      const patience = yield* Patience.begin(checked(key), undefined)
      let isRunning = false
      const attempt = Effect.flatMap(Clock.currentTimeMillis, (nowMillis) => {
        if (this.isClosed) return closed(this.label, "repair")
        isRunning = true
        return this.backend.repair(key, rows.repaired(value, nowMillis))
      })
      const once = Effect.uninterruptible(
        Effect.ensuring(
          attempt,
          Effect.sync(() => (isRunning = false))
        )
      )
      const untilFree: typeof once = Effect.flatMap(once, (aside) =>
        aside === false ? Effect.andThen(briefly, untilFree) : Effect.succeed(aside)
      )
      const aside = yield* patience.within(untilFree, () =>
        isRunning ? this.unknown(key, patience) : patience.timeout("InheritedDeadline", undefined)
      )
      this.changes.tell()
      if (aside === undefined || aside === false) return { _tag: "Healthy" }
      return { _tag: "Repaired", aside }
    })

  /** Takes part in the next commit of the key's document. */
  private submit<A, E>(
    key: string,
    decision: Decision<A, E>,
    patience: Patience
  ): Effect.Effect<A, E | Failure> {
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const impatient = patience.isOnce ? patience.timeout("Wait", undefined) : undefined
        const request = new Request<A, E>(key, decision, impatient)
        // An interruption in the middle of a commit waits for it.
        const leave = (cause: Cause.Cause<E | Failure>) =>
          Effect.suspend(() => {
            this.documents.leave(request)
            return Cause.hasInterrupts(cause) && request.state === "Taken"
              ? Effect.exit(request.settled)
              : Effect.void
          })
        return Effect.andThen(this.documents.join(request), restore(this.settled(request, patience))).pipe(
          Effect.onError(leave)
        )
      })
    )
  }

  private settled<A, E>(request: Request<A, E>, patience: Patience): Effect.Effect<A, E | Failure> {
    const first = patience.within(request.settled, ({ inherited }) => {
      if (request.state === "Waiting") {
        // At once: until the caller hears of it, a commit could still take it along.
        this.documents.leave(request)
        return patience.timeout(inherited ? "InheritedDeadline" : "Wait", undefined)
      }
      if (inherited) return this.unknown(request.key, patience)
      request.impatient = patience.timeout("Wait", undefined)
      return new StillTaken()
    })
    // The own time is for waiting: once it is decided, only the ambient deadline counts.
    return Effect.catchIf(
      first,
      (error): error is StillTaken => error instanceof StillTaken,
      () => patience.beyond(request.settled, () => this.unknown(request.key, patience))
    )
  }

  private unknown(key: string, patience: Patience): OutcomeUnknown {
    return new OutcomeUnknown({
      label: this.backend.label,
      operationId: key,
      elapsedMillis: patience.elapsedMillis,
      cause: middleOfCommit
    })
  }

  private decide<A, E>(
    key: string,
    decide: Decide<A, E>,
    fence: Fence | undefined,
    patience: Patience
  ): Effect.Effect<A, E | StateStore.TransactError> {
    return Effect.flatMap(this.submit(key, rows.transaction(key, decide, fence), patience), (result) =>
      result === rows.leased ? this.decideUnderLock(key, decide, patience) : Effect.succeed(result)
    )
  }

  /** Somebody has the key, or died with it: waits for him, or finds that he is gone. */
  private decideUnderLock<A, E>(
    key: string,
    decide: Decide<A, E>,
    patience: Patience
  ): Effect.Effect<A, E | StateStore.TransactError> {
    let hasWritten = false
    const noting: Decide<A, E> = (current) => {
      const decided = decide(current)
      hasWritten = Result.isSuccess(decided) && decided.success._tag === "Write"
      return decided
    }
    const underLock = Effect.scopedWith((scope) =>
      Effect.gen({ self: this }, function* () {
        const held = Effect.as(Scope.provide(this.hold(key, patience, undefined), scope), true)
        if ((yield* this.unleased.until(key, held)) === undefined) return rows.leased
        const result = yield* this.submit(key, rows.transaction(key, noting, "holder"), patience)
        if (result === rows.leased) return yield* Effect.die(new Error("a holder waits for itself"))
        // Before the lock is free: whoever waits for it must hear of this first.
        if (hasWritten) this.unleased.tell(key)
        return result
      })
    )
    return Effect.flatMap(underLock, (result) =>
      result === rows.leased ? this.decide(key, decide, undefined, patience) : Effect.succeed(result)
    )
  }

  /** The number of a new lease. A commit of which nothing is known has at most wasted a number. */
  private issue(key: string, holder: string, patience: Patience): Effect.Effect<Fence, AcquireError> {
    return Effect.catchTag(this.submit(key, rows.lease(holder), patience), "OutcomeUnknown", (error) =>
      Effect.fail(
        error.cause === middleOfCommit
          ? likeExpiry(patience.timeout("InheritedDeadline", undefined), error)
          : new StoreUnavailable({
              store: this.backend.label,
              operation: "lock",
              reason: "Io",
              cause: error.cause
            })
      )
    )
  }

  /** A time-out says who has the key, also when that is another process, if that can be found out in time. */
  private hold(
    key: string,
    patience: Patience,
    label: string | undefined
  ): Effect.Effect<void, LockTimeout | StoreUnavailable, Scope.Scope> {
    return Effect.catchTag(this.locks.hold(key, patience, label), "LockTimeout", (timeout) => {
      if (timeout.holder !== undefined) return Effect.fail(timeout)
      const read = Effect.exit(this.backend.read(key))
      // The deadline is over for this, too: who reads on would be cut off, and told nothing at all.
      const found = timeout.limit === "InheritedDeadline" ? atOnce(read) : read
      return Effect.flatMap(found, (exit) => {
        const row = exit !== undefined && Exit.isSuccess(exit) ? exit.value : undefined
        return Effect.fail(row === undefined || row.lease === 0 ? timeout : withHolder(timeout, row.holder))
      })
    })
  }
}

const withHolder = (timeout: LockTimeout, holder: string | undefined): LockTimeout =>
  holder === undefined ? timeout : likeExpiry(new LockTimeout({ ...timeout, holder }), timeout)

/** What an effect comes to, if it need not wait for anything. */
const atOnce = <A>(self: Effect.Effect<A>): Effect.Effect<A | undefined> =>
  Effect.flatMap(Effect.forkChild(self, { startImmediately: true }), (fiber) => {
    const exit = fiber.pollUnsafe()
    if (exit === undefined) fiber.interruptUnsafe()
    return exit ?? Effect.undefined
  })

/** The cause of an unknown outcome that a deadline made. */
const middleOfCommit = new Error("the deadline came in the middle of a commit")

const checked = (key: string): string => {
  checkKey("StateStore", key)
  return key
}

/** What it holds ends with the caller's scope, or at once when it fails. */
const scopedApart = <A, E>(self: Effect.Effect<A, E, Scope.Scope>): Effect.Effect<A, E, Scope.Scope> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Scope.make(), (scope) => {
      const close = Scope.close(scope, Exit.void)
      return restore(Scope.provide(self, scope)).pipe(
        Effect.onError(() => close),
        Effect.tap(Effect.addFinalizer(() => close))
      )
    })
  )
