/** What several fibers read and write. */
import { Effect, Ref, Semaphore } from "effect"
import * as Check from "../../src/Check.ts"
import { millisUpTo, type Planted, together } from "./Planted.ts"

const counted = (increment: (counter: Ref.Ref<number>) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const counter = yield* Ref.make(0)
    yield* together(increment(counter), increment(counter))
    const count = yield* Ref.get(counter)
    yield* Check.always("every increment counts", count === 2, `two increments made ${count}`)
  })

const lostUpdate: Planted = {
  name: "lost update",
  bug: "a counter is read and then written, with nothing in between, but not in one step",
  interleaving: true,
  program: counted((counter) => Effect.flatMap(Ref.get(counter), (n) => Ref.set(counter, n + 1))),
  correct: counted((counter) => Ref.update(counter, (n) => n + 1))
}

/** Each of two fibers comes at some time, reads, works for a millisecond, and writes. */
const worked = (guard: (semaphore: Semaphore.Semaphore, work: Effect.Effect<void>) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const balance = yield* Ref.make(100)
    const semaphore = yield* Semaphore.make(1)
    const withdraw = Effect.gen(function* () {
      const before = yield* Ref.get(balance)
      yield* Effect.sleep(1)
      yield* Ref.set(balance, before - 10)
    })
    const customer = Effect.flatMap(millisUpTo(20), (millis) =>
      Effect.delay(guard(semaphore, withdraw), millis)
    )
    yield* together(customer, customer)
    const left = yield* Ref.get(balance)
    yield* Check.always("every withdrawal counts", left === 80, `two withdrawals of 10 from 100 left ${left}`)
  })

const lostUpdateAcrossSleep: Planted = {
  name: "lost update across a sleep",
  bug: "a balance is read, and written after a wait during which others may have changed it",
  interleaving: false,
  program: worked((_, work) => work),
  correct: worked((semaphore, work) => semaphore.withPermit(work))
}

const transferred = (
  accounts: Effect.Effect<{
    readonly transfer: Effect.Effect<void>
    readonly total: Effect.Effect<number>
  }>
) =>
  Effect.gen(function* () {
    const { total, transfer } = yield* accounts
    const audit = Effect.flatMap(total, (sum) =>
      Check.always("money is neither made nor lost", sum === 100, `an audit found ${sum} of 100`)
    )
    yield* together(transfer, audit)
  })

const tornSnapshot: Planted = {
  name: "torn snapshot",
  bug: "two values that belong together are changed one after the other, and a reader sees the first change only",
  interleaving: true,
  program: transferred(
    Effect.gen(function* () {
      const from = yield* Ref.make(60)
      const to = yield* Ref.make(40)
      return {
        transfer: Effect.gen(function* () {
          yield* Ref.update(from, (n) => n - 10)
          yield* Ref.update(to, (n) => n + 10)
        }),
        total: Effect.zipWith(Ref.get(from), Ref.get(to), (a, b) => a + b)
      }
    })
  ),
  correct: transferred(
    Effect.gen(function* () {
      const both = yield* Ref.make({ from: 60, to: 40 })
      return {
        transfer: Ref.update(both, ({ from, to }) => ({ from: from - 10, to: to + 10 })),
        total: Effect.map(Ref.get(both), ({ from, to }) => from + to)
      }
    })
  )
}

const announced = (
  announce: (isReady: Ref.Ref<boolean>, value: Ref.Ref<string | undefined>) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const isReady = yield* Ref.make(false)
    const value = yield* Ref.make<string | undefined>(undefined)
    const reader = Effect.gen(function* () {
      if (!(yield* Ref.get(isReady))) return
      const seen = yield* Ref.get(value)
      yield* Check.always("what is ready has a value", seen !== undefined, "it was ready and had none")
    })
    yield* together(announce(isReady, value), reader)
  })

const readyTooEarly: Planted = {
  name: "ready too early",
  bug: "a value is announced before it is set",
  interleaving: true,
  program: announced((isReady, value) =>
    Effect.gen(function* () {
      yield* Ref.set(isReady, true)
      yield* Ref.set(value, "here")
    })
  ),
  correct: announced((isReady, value) =>
    Effect.gen(function* () {
      yield* Ref.set(value, "here")
      yield* Ref.set(isReady, true)
    })
  )
}

const startedOnce = (claim: (isStarted: Ref.Ref<boolean>) => Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    const isStarted = yield* Ref.make(false)
    const starts = yield* Ref.make(0)
    const start = Effect.gen(function* () {
      if (yield* claim(isStarted)) yield* Ref.update(starts, (n) => n + 1)
    })
    yield* together(start, start)
    const times = yield* Ref.get(starts)
    yield* Check.always("a service starts once", times === 1, `it was started ${times} times`)
  })

const doubleStart: Planted = {
  name: "double start",
  bug: "two callers both see that a service is not started, and both start it",
  interleaving: true,
  program: startedOnce((isStarted) =>
    Effect.gen(function* () {
      if (yield* Ref.get(isStarted)) return false
      yield* Ref.set(isStarted, true)
      return true
    })
  ),
  correct: startedOnce((isStarted) => Effect.map(Ref.getAndSet(isStarted, true), (was) => !was))
}

/** A cache of one value, which is looked at without the lock first. */
const cached = (looksAgain: boolean) =>
  Effect.gen(function* () {
    const cache = yield* Ref.make<string | undefined>(undefined)
    const loads = yield* Ref.make(0)
    const lock = yield* Semaphore.make(1)
    const fill = Effect.gen(function* () {
      if (looksAgain && (yield* Ref.get(cache)) !== undefined) return
      yield* Ref.update(loads, (n) => n + 1)
      yield* Ref.set(cache, "loaded")
    })
    const get = Effect.gen(function* () {
      if ((yield* Ref.get(cache)) === undefined) yield* lock.withPermit(fill)
    })
    yield* together(get, get)
    const times = yield* Ref.get(loads)
    yield* Check.always("a value is loaded once", times === 1, `it was loaded ${times} times`)
  })

const cacheFilledTwice: Planted = {
  name: "cache filled twice",
  bug: "a reader that waited for the lock does not look again whether another has filled the cache meanwhile",
  interleaving: true,
  program: cached(false),
  correct: cached(true)
}

/** A resource with two holders; the last that lets go closes it. */
const shared = (letGo: (holders: Ref.Ref<number>) => Effect.Effect<number>) =>
  Effect.gen(function* () {
    const holders = yield* Ref.make(2)
    const closes = yield* Ref.make(0)
    const release = Effect.gen(function* () {
      if ((yield* letGo(holders)) === 0) yield* Ref.update(closes, (n) => n + 1)
    })
    yield* together(release, release)
    const times = yield* Ref.get(closes)
    yield* Check.always("the last holder closes, once", times === 1, `it was closed ${times} times`)
  })

const closedTwice: Planted = {
  name: "closed twice",
  bug: "a count of holders is lowered, and read in another step, so that two holders think they are the last",
  interleaving: true,
  program: shared((holders) =>
    Effect.andThen(
      Ref.update(holders, (n) => n - 1),
      Ref.get(holders)
    )
  ),
  correct: shared((holders) => Ref.updateAndGet(holders, (n) => n - 1))
}

const bound = 1

const bounded = (add: (items: Ref.Ref<ReadonlyArray<string>>, item: string) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const items = yield* Ref.make<ReadonlyArray<string>>([])
    yield* together(add(items, "a"), add(items, "b"))
    const { length } = yield* Ref.get(items)
    yield* Check.always(
      "a queue keeps its bound",
      length <= bound,
      `${length} items are in room for ${bound}`
    )
  })

const boundExceeded: Planted = {
  name: "bound exceeded",
  bug: "room in a queue is looked for in one step and taken in another",
  interleaving: true,
  program: bounded((items, item) =>
    Effect.gen(function* () {
      if ((yield* Ref.get(items)).length < bound) yield* Ref.update(items, (all) => [...all, item])
    })
  ),
  correct: bounded((items, item) => Ref.update(items, (all) => (all.length < bound ? [...all, item] : all)))
}

export const sharedState: ReadonlyArray<Planted> = [
  lostUpdate,
  lostUpdateAcrossSleep,
  tornSnapshot,
  readyTooEarly,
  doubleStart,
  cacheFilledTwice,
  closedTwice,
  boundExceeded
]
