/** Closing a store, and opening it again. */
import { Effect, Exit, Fiber, Stream } from "effect"
import {
  all,
  apart,
  append,
  aWhile,
  begin,
  type Check,
  check,
  expect,
  expectEqual,
  expectFree,
  held,
  increment,
  listed,
  locked,
  tagOf,
  wordsIn
} from "./kit.ts"

/** `StoreUnavailable` because it is closed, or what came instead. */
const closedOr = <A, E extends { readonly _tag: string; readonly reason?: unknown }, R>(
  effect: Effect.Effect<A, E, R>
) =>
  Effect.matchEffect(effect, {
    onFailure: (error) =>
      Effect.succeed(error._tag === "StoreUnavailable" ? String(error.reason) : error._tag),
    onSuccess: () => Effect.succeed("success")
  })

const afterwards = check("a store that is closed refuses", ["LS-6"], (world) =>
  Effect.gen(function* () {
    const process = yield* apart(world)
    yield* process.store.transact("a", increment)
    yield* process.close
    yield* expectEqual(
      "the end of a transaction",
      yield* closedOr(process.store.transact("a", increment)),
      "Closed"
    )
    yield* expectEqual(
      "the end of an acquisition",
      yield* closedOr(locked(process, "b", () => Effect.void)),
      "Closed"
    )
  })
)

const looks = check("a store that is closed does not even look", ["LS-6"], (world) =>
  Effect.gen(function* () {
    const process = yield* apart(world)
    const { lock, store } = process
    yield* store.transact("a", increment)
    yield* process.close
    const ends = {
      read: yield* closedOr(store.read("a")),
      keys: yield* closedOr(listed(process, "")),
      watch: yield* closedOr(Stream.runDrain(store.watch("a"))),
      repair: yield* closedOr(store.repair("a")),
      isHeld: yield* closedOr(lock.isHeld("a"))
    }
    const open = Object.entries(ends).filter(([, end]) => end !== "Closed")
    yield* expectEqual("what is not refused because the store is closed", open, [])
  })
)

const waiters = check("closing a store ends who waits", ["LS-6", "LK-1"], (world) =>
  Effect.gen(function* () {
    const process = yield* apart(world)
    const { letGo } = yield* held(process, "a")
    const waiting = [
      yield* begin(closedOr(process.store.transact("a", increment))),
      yield* begin(closedOr(locked(process, "a", () => Effect.void)))
    ]
    yield* aWhile
    yield* process.close
    for (const fiber of waiting) yield* expectEqual("the end of a wait", yield* Fiber.join(fiber), "Closed")
    yield* letGo
  })
)

const foreignWaiters = check(
  "closing a store ends also who waits for another process",
  ["LS-6", "LK-1"],
  (world) =>
    Effect.gen(function* () {
      const other = yield* world.open
      const { letGo } = yield* held(other, "a")
      const process = yield* apart(world)
      const waiting = [
        yield* begin(closedOr(process.store.transact("a", increment))),
        yield* begin(closedOr(locked(process, "b", () => locked(process, "a", () => Effect.void))))
      ]
      yield* aWhile
      yield* process.close
      for (const fiber of waiting) yield* expectEqual("the end of a wait", yield* Fiber.join(fiber), "Closed")
      yield* letGo
      for (const key of ["a", "b"]) yield* expectFree(other, "the store is closed", key)
    }),
  ["shared"]
)

const watchers = check("closing a store ends who watches", ["LS-6"], (world) =>
  Effect.gen(function* () {
    const process = yield* apart(world)
    const fiber = yield* begin(Effect.exit(Stream.runDrain(process.store.watch("a"))))
    yield* aWhile
    yield* process.close
    yield* Fiber.await(fiber)
  })
)

const busy = check(
  "closing in the midst of many changes leaves those that were told of, and no other",
  ["LS-1", "LS-4"],
  (world) =>
    Effect.gen(function* () {
      const ends = new Map<string, string>()
      for (let moment = 0; moment < 8; moment++) {
        const process = yield* apart(world)
        const write = (word: string) =>
          Effect.map(tagOf(process.store.transact("a", append(word))), (end) => ends.set(word, end))
        const fibers = yield* begin(all(Array.from({ length: 5 }, (_, index) => write(`${moment}-${index}`))))
        for (let yields = 0; yields < moment; yields++) yield* Effect.yieldNow
        yield* process.close
        yield* Fiber.join(fibers)
      }
      const words = wordsIn(yield* (yield* world.open).store.read("a"))
      for (const [word, end] of ends) {
        const times = words.filter((other) => other === word).length
        const known = end === "success" ? [1] : end === "OutcomeUnknown" ? [0, 1] : [0]
        yield* expect(known.includes(times), () => `what ended with ${end} has been done ${times} times`)
      }
    }),
  ["kept"]
)

const leased = check(
  "a lease that was never let go of, of a store that is closed, is in nobody's way",
  ["LK-1", "LK-3"],
  (world) =>
    Effect.gen(function* () {
      const process = yield* apart(world)
      const { letGo } = yield* held(process, "a")
      yield* process.close
      yield* letGo
      const next = yield* world.open
      yield* expectFree(next, "the store was opened again", "a")
      const exit = yield* Effect.exit(next.store.transact("a", increment, { wait: 0 }))
      yield* expect(Exit.isSuccess(exit), () => `a change ended with ${exit}`)
    }),
  ["kept"]
)

export const endings: ReadonlyArray<Check> = [
  afterwards,
  looks,
  waiters,
  foreignWaiters,
  watchers,
  busy,
  leased
]
