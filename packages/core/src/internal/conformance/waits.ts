/** Who waits, for how long, and what he has done when he does not get it: nothing. */
import { Effect, Exit, Fiber } from "effect"
import * as Deadline from "../../Deadline.ts"
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
  type Process,
  tagOf,
  wordsIn
} from "./kit.ts"

const once = check(
  "a wait of nothing gets what is free, and is told at once of what is not",
  ["LK-1", "LS-4"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      yield* expectEqual("the result", yield* process.store.transact("a", increment, { wait: 0 }), 1)
      yield* expectFree(process, "a transaction", "a")
      const { letGo } = yield* held(process, "a", { label: "report" })
      const errors = [
        yield* errorOf(process.store.transact("a", increment, { wait: 0 })),
        yield* errorOf(locked(process, "a", () => Effect.void, { wait: 0 }))
      ]
      for (const error of errors) {
        yield* expectEqual("the error", error._tag, "LockTimeout")
        if (error._tag !== "LockTimeout") continue
        yield* expectEqual("the key and the limit", [error.key, error.limit], ["a", "Wait"])
        yield* expect(error.holder?.includes("report") === true, () => `the holder is "${error.holder}"`)
      }
      yield* letGo
      yield* expectEqual("the next result", yield* process.store.transact("a", increment, { wait: 0 }), 2)
    })
)

const bounded = check("who has waited long enough has done nothing, and will not", ["LS-4"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const { letGo } = yield* held(process, "a")
    const late = yield* begin(errorOf(process.store.transact("a", increment, { wait: "30 millis" })))
    const later = yield* begin(errorOf(locked(process, "a", () => Effect.void, { wait: "30 millis" })))
    for (const error of [yield* Fiber.join(late), yield* Fiber.join(later)]) {
      yield* expectEqual("the error", error._tag, "LockTimeout")
      if (error._tag !== "LockTimeout") continue
      yield* expectEqual("the limit", error.limit, "Wait")
      yield* expect(error.waitedMillis >= 29.9, () => `it has waited ${error.waitedMillis} ms`)
    }
    yield* letGo
    yield* aWhile
    yield* expectEqual("what is stored", yield* process.store.read("a"), undefined)
    yield* expectFree(process, "a time-out", "a")
  })
)

const ambient = check(
  "an ambient deadline ends a wait, and is what the error tells of",
  ["LS-4"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      const { letGo } = yield* held(process, "a")
      const ends = yield* Effect.forEach(
        [
          process.store.transact("a", increment),
          process.store.transact("a", increment, { wait: "1 hour" }),
          locked(process, "a", () => Effect.void)
        ],
        (wait) => {
          const told = Effect.matchEffect(wait, {
            onFailure: (error) =>
              Effect.succeed(error._tag === "LockTimeout" ? `LockTimeout of ${error.limit}` : error._tag),
            onSuccess: () => Effect.succeed("success")
          })
          return Effect.catchTag(Deadline.within(told, "30 millis"), "DeadlineExceeded", ({ _tag }) =>
            Effect.succeed(_tag)
          )
        }
      )
      for (const end of ends) {
        // Who looks up the holder may be cut off by the same deadline further out.
        yield* expect(
          end === "LockTimeout of InheritedDeadline" || end === "DeadlineExceeded",
          () => `a wait ended with ${end}`
        )
      }
      yield* letGo
      yield* aWhile
      yield* expectEqual("what is stored", yield* process.store.read("a"), undefined)
      yield* expectFree(process, "a deadline", "a")
    })
)

const interruptedWait = check(
  "who is interrupted while he waits has done nothing, and will not",
  ["LS-4", "LK-1"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      const { letGo } = yield* held(process, "a")
      const waiting = [
        yield* begin(process.store.transact("a", increment)),
        yield* begin(locked(process, "a", () => Effect.never)),
        yield* begin(process.store.transact("a", increment))
      ]
      yield* aWhile
      for (const fiber of waiting) yield* expectWaiting("what came after the holder", fiber)
      yield* Fiber.interruptAll(waiting)
      yield* letGo
      yield* aWhile
      yield* expectEqual("what is stored", yield* process.store.read("a"), undefined)
      yield* expectFree(process, "interruptions", "a")
    })
)

/** The one who has the key has it, and those who wait for it wait, whatever becomes of others. */
const leaving = (holder: Process, other: Process) =>
  Effect.gen(function* () {
    const { lease, letGo } = yield* held(holder, "a")
    const patient = yield* begin(locked(other, "a", () => Effect.void))
    const expectHeld = (after: string) =>
      Effect.gen(function* () {
        yield* expectEqual(`whether it is held after ${after}`, yield* holder.lock.isHeld("a"), true)
        for (const process of [other, holder]) {
          const end = yield* tagOf(locked(process, "a", () => Effect.void, { wait: 0 }))
          yield* expectEqual(`the end of trying once after ${after}`, end, "LockTimeout")
        }
        yield* aWhile
        yield* expectWaiting(`who was there before, after ${after}`, patient)
      })
    const section = locked(other, "a", () => Effect.void)
    for (const effect of [section, other.store.transact("a", increment)]) {
      const waiting = yield* begin(effect)
      yield* aWhile
      yield* Fiber.interrupt(waiting)
      yield* expectHeld("an interruption")
      yield* Effect.exit(Deadline.within(Effect.exit(effect), "5 millis"))
      yield* expectHeld("a deadline")
    }
    yield* Effect.exit(locked(other, "a", () => Effect.void, { wait: "5 millis" }))
    yield* expectHeld("a time-out")
    yield* holder.store.transact("a", append("still"), { fence: lease.fence })
    yield* letGo
    yield* Fiber.join(patient)
    yield* expectEqual("the words", wordsIn(yield* other.store.read("a")), ["still"])
  })

const left = check("who gives up waiting takes nothing from the one who has the key", ["LK-1"], ({ open }) =>
  Effect.flatMap(open, (process) => leaving(process, process))
)

const leftElsewhere = check(
  "who gives up waiting takes nothing from another process that has the key",
  ["LK-1", "LK-4"],
  ({ open }) => Effect.flatMap(Effect.all([open, open]), ([one, other]) => leaving(one, other)),
  ["shared"]
)

/** At every moment of a transaction that an interruption can come at, and of some after it. */
const moments = 24

const interruptedAnywhere = check(
  "a change that is interrupted is there or not when the interruption ends, and that stays so",
  ["LS-4"],
  ({ open }) =>
    Effect.gen(function* () {
      const { store } = yield* open
      for (let moment = 0; moment < moments; moment++) {
        const before = Number((yield* store.read("a"))?.value ?? "0")
        const change = store.transact("a", increment)
        const fiber = moment % 2 === 0 ? yield* begin(change) : yield* Effect.forkChild(change)
        for (let yields = 0; yields < moment >> 1; yields++) yield* Effect.yieldNow
        yield* Fiber.interrupt(fiber)
        const after = Number((yield* store.read("a"))?.value ?? "0")
        yield* expect(after === before || after === before + 1, () => `${before} has become ${after}`)
        const exit = yield* Fiber.await(fiber)
        if (Exit.isSuccess(exit)) yield* expectEqual("what has succeeded", after, before + 1)
        yield* Effect.yieldNow
        const next = yield* store.transact("a", increment)
        yield* expect(next === after + 1, () => `${after} was read, and then it was ${next - 1}`)
      }
    })
)

const deadlineAnywhere = check(
  "a change that a deadline ends is there, or not, or is told to be unknown",
  ["LS-4"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      const ends = new Map<string, string>()
      const changeWithin = (word: string, millis: number) =>
        Deadline.within(tagOf(process.store.transact("a", append(word))), millis).pipe(
          Effect.catchTag("DeadlineExceeded", ({ _tag }) => Effect.succeed(_tag)),
          Effect.map((end) => ends.set(word, end))
        )
      for (let moment = 0; moment < 2 * moments; moment++) {
        // Every other time there is somebody to wait for.
        const holder = moment % 2 === 0 ? undefined : yield* held(process, "a")
        const changes = yield* begin(
          all([0, 1, 2].map((n) => changeWithin(`${moment}-${n}`, 0.1 * moment + 0.3 * n)))
        )
        yield* Effect.sleep(1)
        if (holder !== undefined) yield* holder.letGo
        yield* Fiber.join(changes)
      }
      yield* aWhile
      const words = wordsIn(yield* process.store.read("a"))
      for (const [word, end] of ends) {
        const times = words.filter((other) => other === word).length
        const known = end === "success" ? [1] : end === "LockTimeout" ? [0] : [0, 1]
        yield* expect(known.includes(times), () => `what ended with ${end} has been done ${times} times`)
      }
    })
)

export const waits: ReadonlyArray<Check> = [
  once,
  bounded,
  ambient,
  interruptedWait,
  left,
  leftElsewhere,
  interruptedAnywhere,
  deadlineAnywhere
]
