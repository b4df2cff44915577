/** Who waits for whom, and in which order. */
import { Deferred, Effect, Latch, PubSub, Queue, Ref, Semaphore } from "effect"
import * as Check from "../../src/Check.ts"
import { type Planted, together } from "./Planted.ts"

const consumed = (take: (isEmpty: Effect.Effect<boolean>, latch: Latch.Latch) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const items = yield* Ref.make(0)
    const latch = yield* Latch.make()
    const produce = Effect.gen(function* () {
      yield* Ref.update(items, (n) => n + 1)
      yield* latch.open
    })
    const isEmpty = Effect.map(Ref.get(items), (n) => n === 0)
    yield* together(take(isEmpty, latch), produce)
  })

const missedWakeUp: Planted = {
  name: "missed wake-up",
  bug: "a consumer looks, and only then closes the latch that it waits for: what came in between does not wake it",
  interleaving: true,
  program: consumed((isEmpty, latch) =>
    Effect.gen(function* () {
      const isIdle = yield* isEmpty
      if (isIdle) yield* Effect.andThen(latch.close, latch.await)
    })
  ),
  correct: consumed((isEmpty, latch) =>
    Effect.gen(function* () {
      yield* latch.close
      if (!(yield* isEmpty)) return
      yield* latch.await
    })
  )
}

const both = (first: Semaphore.Semaphore, second: Semaphore.Semaphore) =>
  first.withPermit(second.withPermit(Effect.void))

const locked = (isOrdered: boolean) =>
  Effect.gen(function* () {
    const x = yield* Semaphore.make(1)
    const y = yield* Semaphore.make(1)
    yield* together(both(x, y), isOrdered ? both(x, y) : both(y, x))
  })

const lockOrder: Planted = {
  name: "lock order",
  bug: "two fibers take the same two locks in opposite orders, and wait for each other for ever",
  interleaving: true,
  program: locked(false),
  correct: locked(true)
}

interface Lock {
  readonly acquire: Effect.Effect<void>
  readonly release: Effect.Effect<void>
}

/** A lock with a queue; `handsOver` says whether the one who releases it gives it to the first who waits. */
const queueLock = (handsOver: boolean): Lock => {
  let isHeld = false
  const waiting: Array<Deferred.Deferred<void>> = []
  const acquire: Effect.Effect<void> = Effect.suspend(() => {
    if (!isHeld) {
      isHeld = true
      return Effect.void
    }
    const turn = Deferred.makeUnsafe<void>()
    waiting.push(turn)
    return handsOver ? Deferred.await(turn) : Effect.andThen(Deferred.await(turn), acquire)
  })
  const release = Effect.suspend(() => {
    const next = waiting.shift()
    isHeld = handsOver && next !== undefined
    return next === undefined ? Effect.void : Effect.asVoid(Deferred.succeed(next, undefined))
  })
  return { acquire, release }
}

/** The third comes at the very instant at which the first lets go, when the second already waits. */
const queued = (handsOver: boolean) =>
  Effect.gen(function* () {
    const lock = queueLock(handsOver)
    const came: Array<string> = []
    const served: Array<string> = []
    const user = (name: string, afterMillis: number) =>
      Effect.gen(function* () {
        yield* Effect.sleep(afterMillis)
        yield* Effect.suspend(() => {
          came.push(name)
          return lock.acquire
        })
        served.push(name)
        yield* Effect.sleep(10)
        yield* lock.release
      })
    yield* together(user("third", 11), user("first", 1), user("second", 5))
    yield* Check.always(
      "who comes first is served first",
      served.join() === came.join(),
      `they came as ${came.join(", ")}, and were served as ${served.join(", ")}`
    )
  })

const barging: Planted = {
  name: "barging",
  bug: "a lock is free for a moment before the one who waits longest wakes up, and a newcomer takes it",
  interleaving: true,
  program: queued(false),
  correct: queued(true)
}

const numbered = (
  publish: (
    next: Effect.Effect<number>,
    send: (n: number) => Effect.Effect<void>,
    lock: Semaphore.Semaphore
  ) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const last = yield* Ref.make(0)
    const sent = yield* Queue.unbounded<number>()
    const lock = yield* Semaphore.make(1)
    const publisher = publish(
      Ref.updateAndGet(last, (n) => n + 1),
      (n) => Effect.asVoid(Queue.offer(sent, n)),
      lock
    )
    yield* together(publisher, publisher)
    const order = yield* Queue.takeAll(sent)
    yield* Check.always(
      "messages come in the order of their numbers",
      order.join() === "1,2",
      `they came as ${order}`
    )
  })

const orderInversion: Planted = {
  name: "order inversion",
  bug: "two publishers draw their numbers in one order and send in the other",
  interleaving: true,
  program: numbered((next, send) => Effect.flatMap(next, send)),
  correct: numbered((next, send, lock) => lock.withPermit(Effect.flatMap(next, send)))
}

/** A follower copies a state, then keeps up with what is published about it. */
const followed = (subscribesFirst: boolean) =>
  Effect.gen(function* () {
    const state = yield* Ref.make(0)
    const changes = yield* PubSub.unbounded<number>()
    const copy = yield* Ref.make(0)
    const snapshot = Effect.flatMap(Ref.get(state), (n) => Ref.set(copy, n))
    const change = Effect.andThen(Ref.set(state, 1), PubSub.publish(changes, 1))
    const isChanged = yield* Latch.make()
    const follow = Effect.gen(function* () {
      if (!subscribesFirst) yield* snapshot
      const subscription = yield* PubSub.subscribe(changes)
      if (subscribesFirst) yield* snapshot
      yield* isChanged.await
      for (const n of yield* PubSub.takeUpTo(subscription, 10)) yield* Ref.set(copy, n)
    })
    yield* together(Effect.scoped(follow), Effect.andThen(change, isChanged.open))
    const copied = yield* Ref.get(copy)
    yield* Check.always(
      "a copy is like its original in the end",
      copied === 1,
      `it is ${copied} instead of 1`
    )
  })

const lateSubscription: Planted = {
  name: "late subscription",
  bug: "a follower copies the state first and subscribes then, so that it misses what changes in between",
  interleaving: true,
  program: followed(false),
  correct: followed(true)
}

export const waiting: ReadonlyArray<Planted> = [
  missedWakeUp,
  lockOrder,
  barging,
  orderInversion,
  lateSubscription
]
