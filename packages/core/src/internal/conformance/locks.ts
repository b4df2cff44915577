/** Locks among the fibers of one process. */
import { Effect, Fiber, Scope } from "effect"
import {
  all,
  append,
  aWhile,
  begin,
  type Check,
  check,
  errorOf,
  expect,
  expectEqual,
  expectFree,
  expectWaiting,
  held,
  increment,
  locked,
  put
} from "./kit.ts"

const exclusive = check("at most one at a time has a key", ["LK-1"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    let inside = 0
    let most = 0
    const section = Effect.gen(function* () {
      most = Math.max(most, ++inside)
      yield* Effect.sleep(1)
      yield* Effect.yieldNow
      inside--
    })
    yield* all(Array.from({ length: 12 }, () => locked(process, "a", () => section)))
    yield* expectEqual("the most that had it at once", most, 1)
  })
)

const released = check("a lock is free when its section has ended, however it has", ["LK-1"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    yield* locked(process, "a", () => Effect.void)
    yield* expectFree(process, "a success", "a")
    yield* Effect.exit(locked(process, "a", () => Effect.fail("failed")))
    yield* expectFree(process, "a failure", "a")
    yield* Effect.exit(locked(process, "a", () => Effect.die("bug")))
    yield* expectFree(process, "a defect", "a")
    const inside = yield* begin(locked(process, "a", () => Effect.never))
    yield* aWhile
    yield* Fiber.interrupt(inside)
    yield* expectFree(process, "an interruption", "a")
    const scope = yield* Scope.make()
    const acquiring = yield* begin(Scope.provide(process.lock.acquire("a"), scope))
    yield* Fiber.interrupt(acquiring)
    yield* Scope.close(scope, yield* Effect.exit(Effect.void))
    yield* expectFree(process, "an interruption of acquiring", "a")
  })
)

const interruptedAnywhere = check(
  "acquiring can be interrupted at any moment, and leaves nothing",
  ["LK-1"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      for (let moment = 0; moment < 32; moment++) {
        const holder = moment % 4 === 3 ? yield* held(process, "a") : undefined
        const fibers = [
          yield* begin(locked(process, "a", () => Effect.sleep(1))),
          yield* begin(locked(process, "a", () => Effect.yieldNow)),
          yield* begin(process.store.transact("a", increment))
        ]
        for (let yields = 0; yields < moment >> 1; yields++) yield* Effect.yieldNow
        const lettingGo = yield* begin(holder?.letGo ?? Effect.void)
        yield* Fiber.interruptAll(fibers)
        yield* Fiber.join(lettingGo)
        yield* expectFree(process, "interruptions", "a")
      }
    })
)

const independent = check("keys do not wait for each other", ["LK-1"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    yield* held(process, "a")
    yield* locked(process, "b", () => Effect.void, { wait: 0 })
    yield* process.store.transact("b", increment, { wait: 0 })
  })
)

const ordered = check("waiters come in the order of their arrival", ["LK-6"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const { letGo } = yield* held(process, "a")
    const order: Array<number> = []
    const waiters = yield* Effect.forEach(Array.from({ length: 8 }), (_, index) => {
      const section = Effect.andThen(
        Effect.sync(() => order.push(index)),
        Effect.sleep(1)
      )
      return Effect.tap(begin(locked(process, "a", () => section)), Effect.sleep(2))
    })
    yield* aWhile
    // Two of them give up, and the others do not lose their places.
    yield* Fiber.interruptAll(waiters.filter((_, index) => index % 3 === 0))
    yield* letGo
    for (const waiter of waiters) yield* Fiber.await(waiter)
    yield* expectEqual("the order", order, [1, 2, 4, 5, 7])
  })
)

const writesWait = check(
  "a plain change waits for the lease of another, and sees what he has written",
  ["LK-1", "LS-3"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      yield* process.store.transact("a", put("before"))
      const { lease, letGo } = yield* held(process, "a")
      const plain = yield* Effect.forEach(["p", "q", "r"], (word) =>
        begin(process.store.transact("a", append(word)))
      )
      yield* aWhile
      for (const fiber of plain) yield* expectWaiting("a plain change", fiber)
      yield* expectEqual("what is read meanwhile", (yield* process.store.read("a"))?.value, "before")
      yield* process.store.transact("a", put("held"), { fence: lease.fence })
      yield* letGo
      for (const fiber of plain) yield* Fiber.join(fiber)
      yield* expectEqual("the words", (yield* process.store.read("a"))?.value.split(" ").sort(), [
        "held",
        "p",
        "q",
        "r"
      ])
    })
)

const blamed = check(
  "a time-out names the one who has the lock, and nobody who waits for it",
  ["LK-1"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      yield* held(process, "a", { label: "the holder" })
      yield* begin(locked(process, "a", () => Effect.void, { label: "a waiter" }))
      const error = yield* errorOf(
        locked(process, "a", () => Effect.void, { label: "itself", wait: "20 millis" })
      )
      yield* expectEqual("the error", error._tag, "LockTimeout")
      if (error._tag !== "LockTimeout") return
      yield* expect(error.holder?.includes("the holder") === true, () => `the holder is "${error.holder}"`)
    })
)

const blamedElsewhere = check(
  "a time-out names nobody who waits, when the lock is in another process",
  ["LK-1"],
  ({ open }) =>
    Effect.gen(function* () {
      const one = yield* open
      const other = yield* open
      yield* held(one, "a", { label: "the holder" })
      yield* begin(locked(other, "a", () => Effect.void, { label: "a waiter" }))
      for (const wait of [0, "20 millis"] as const) {
        const error = yield* errorOf(locked(other, "a", () => Effect.void, { label: "itself", wait }))
        yield* expectEqual("the error", error._tag, "LockTimeout")
        if (error._tag !== "LockTimeout") continue
        const { holder } = error
        yield* expect(
          holder === undefined || holder.includes("the holder"),
          () => `the holder is "${holder}"`
        )
      }
    }),
  ["shared"]
)

const unlost = check("a lease is not lost while it is held", ["LK-4"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const { lease } = yield* held(process, "a")
    const lost = yield* begin(lease.lost)
    yield* all(Array.from({ length: 50 }, (_, index) => process.store.transact(`b${index}`, increment)))
    yield* aWhile
    yield* expectWaiting("the loss of a lease that is held", lost)
    yield* process.store.transact("a", put("still"), { fence: lease.fence })
  })
)

const looked = check("whether somebody has a key is seen, and nothing is taken", ["LK-1"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const expectHeld = (isHeld: boolean, when: string) =>
      Effect.flatMap(process.lock.isHeld("a"), (found) => expectEqual(`what is seen ${when}`, found, isHeld))
    yield* expectHeld(false, "before anybody had it")
    const { letGo } = yield* held(process, "a")
    yield* expectHeld(true, "while somebody has it")
    const waiting = yield* begin(locked(process, "a", () => Effect.void))
    yield* expectHeld(true, "while somebody waits, too")
    yield* letGo
    yield* Fiber.join(waiting)
    yield* expectHeld(false, "when all have had it")
    const looks = Array.from({ length: 20 }, () => process.lock.isHeld("a"))
    yield* expectEqual("who is seen by many at once", new Set(yield* all(looks)).size, 1)
    yield* expectFree(process, "looking", "a")
    yield* expectEqual("what is stored", yield* process.store.read("a"), undefined)
  })
)

const lookedElsewhere = check(
  "whether somebody has a key is seen from another process",
  ["LK-1"],
  ({ open }) =>
    Effect.gen(function* () {
      const one = yield* open
      const other = yield* open
      const { letGo } = yield* held(one, "a")
      yield* expectEqual("what is seen while somebody has it", yield* other.lock.isHeld("a"), true)
      yield* letGo
      yield* expectEqual("what is seen afterwards", yield* other.lock.isHeld("a"), false)
      const looks = [one, other].flatMap(({ lock }) => Array.from({ length: 10 }, () => lock.isHeld("a")))
      yield* expectEqual("who is seen by many at once", new Set(yield* all(looks)).has(true), false)
    }),
  ["shared"]
)

export const locks: ReadonlyArray<Check> = [
  exclusive,
  released,
  interruptedAnywhere,
  independent,
  ordered,
  writesWait,
  blamed,
  blamedElsewhere,
  unlost,
  looked,
  lookedElsewhere
]
