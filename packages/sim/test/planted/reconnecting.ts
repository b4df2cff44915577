/** What becomes of a connection that breaks, and of those who use it. */
import { Clock, Effect, Fiber, Ref } from "effect"
import * as Check from "../../src/Check.ts"
import { millisUpTo, type Planted, together } from "./Planted.ts"

/** A connection breaks while somebody writes over it, and is replaced by the next. */
const replaced = (
  replace: (next: Effect.Effect<void>, stop: Effect.Effect<unknown>) => Effect.Effect<unknown>
) =>
  Effect.gen(function* () {
    const generation = yield* Ref.make(1)
    let stale = 0
    const writer = Effect.forever(
      Effect.gen(function* () {
        yield* Effect.sleep(1)
        if ((yield* Ref.get(generation)) !== 1) stale++
      })
    )
    const writing = yield* Effect.forkChild(writer)
    yield* Effect.sleep((yield* millisUpTo(9)) + 0.5)
    const next = Effect.andThen(Ref.set(generation, 2), Effect.sleep(2))
    yield* replace(next, Fiber.interrupt(writing))
    yield* Check.always("nobody works on with an old connection", stale === 0, `${stale} writes did`)
  })

const resetFirst: Planted = {
  name: "reset before interrupt",
  bug: "the next connection is there before those who use the old one are interrupted",
  interleaving: false,
  program: replaced((next, stop) => Effect.andThen(next, stop)),
  correct: replaced((next, stop) => Effect.andThen(stop, next))
}

/** Two calls on one connection, which breaks: the slower of them fails when there is another already. */
const blamed = (which: (own: number, current: number) => number) =>
  Effect.gen(function* () {
    const current = yield* Ref.make(1)
    const broken = new Set([1])
    const lost: Array<number> = []
    const lose = (generation: number) =>
      Effect.gen(function* () {
        if (generation !== (yield* Ref.get(current))) return
        lost.push(generation)
        yield* Ref.set(current, generation + 1)
      })
    const call = Effect.gen(function* () {
      const own = yield* Ref.get(current)
      yield* Effect.sleep(yield* millisUpTo(10))
      if (broken.has(own)) yield* lose(which(own, yield* Ref.get(current)))
    })
    yield* together(call, call)
    const wrongly = lost.filter((generation) => !broken.has(generation))
    yield* Check.always(
      "a connection that works is kept",
      wrongly.length === 0,
      `${wrongly} was lost, and worked`
    )
  })

const currentBlamed: Planted = {
  name: "current one blamed",
  bug: "the handler of a failed call reports the connection that is current by then, not the one that failed",
  interleaving: false,
  program: blamed((_, current) => current),
  correct: blamed((own) => own)
}

/** Two callers find out about the same loss. */
const reported = (claim: (status: Ref.Ref<string>) => Effect.Effect<boolean>) =>
  Effect.gen(function* () {
    const status = yield* Ref.make("up")
    const connects = yield* Ref.make(0)
    const report = Effect.flatMap(claim(status), (isFirst) =>
      isFirst ? Ref.update(connects, (count) => count + 1) : Effect.void
    )
    yield* together(report, report)
    const count = yield* Ref.get(connects)
    yield* Check.always("a loss causes one reconnect", count === 1, `it caused ${count}`)
  })

const twoReconnects: Planted = {
  name: "two reconnects",
  bug: "whether the loss is known already is read, and then written, but not in one step",
  interleaving: true,
  program: reported((status) =>
    Effect.flatMap(Ref.get(status), (now) => Effect.as(Ref.set(status, "down"), now === "up"))
  ),
  correct: reported((status) => Ref.modify(status, (now) => [now === "up", "down"]))
}

/** A backend that accepts, dies at once, and is to be left alone ever longer. */
const flapping = (resets: (livedMillis: number) => boolean) =>
  Effect.gen(function* () {
    let attempts = 0
    let delay = 1
    while ((yield* Clock.currentTimeMillis) < 100) {
      attempts++
      const lives = yield* millisUpTo(3)
      yield* Effect.sleep(lives)
      if (resets(lives)) delay = 1
      yield* Effect.sleep(delay)
      delay *= 2
    }
    yield* Check.always("a backend that flaps is left alone", attempts <= 7, `${attempts} attempts in 100 ms`)
  })

const resetOnAccept: Planted = {
  name: "backoff reset on accept",
  bug: "the backoff begins anew as soon as a connection is accepted, not when it has lasted",
  interleaving: false,
  program: flapping(() => true),
  correct: flapping((lived) => lived >= 10)
}

export const reconnecting: ReadonlyArray<Planted> = [resetFirst, currentBlamed, twoReconnects, resetOnAccept]
