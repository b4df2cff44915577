/** The numbers of leases, and what they keep old holders from. */
import { Effect, Fiber } from "effect"
import type { Fence } from "../../Lock.ts"
import {
  apart,
  append,
  begin,
  type Check,
  check,
  errorOf,
  expect,
  expectEqual,
  expectIncreasing,
  increment,
  locked,
  type Process,
  put,
  tagOf,
  wordsIn
} from "./kit.ts"

const fenceOf = (process: Process, key: string) => locked(process, key, ({ fence }) => Effect.succeed(fence))

const increasing = check(
  "every lease has a higher fence than those before it, however they ended",
  ["LK-2"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      const fences: Array<number> = []
      const note = (end: Effect.Effect<unknown, unknown>) =>
        locked(process, "a", ({ fence }) =>
          Effect.andThen(
            Effect.sync(() => fences.push(fence)),
            end
          )
        )
      yield* note(Effect.void)
      yield* Effect.exit(note(Effect.fail("failed")))
      yield* Effect.exit(note(Effect.die("bug")))
      const hung = yield* begin(note(Effect.never))
      while (fences.length < 4) yield* Effect.sleep(1)
      yield* Effect.exit(locked(process, "a", () => Effect.void, { wait: 0 }))
      yield* Fiber.interrupt(hung)
      yield* process.store.transact("a", increment)
      yield* note(Effect.void)
      yield* note(Effect.exit(process.store.transact("a", increment, { wait: 0 })))
      yield* process.store.transact("a", increment)
      yield* note(Effect.void)
      yield* expectIncreasing(fences)
    })
)

const sealed = check("what is written under a lease has its fence", ["LK-2", "LK-5"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    yield* process.store.transact("a", put("before"))
    const fence = yield* locked(process, "a", ({ fence }) =>
      Effect.as(process.store.transact("a", put("held"), { fence }), fence)
    )
    yield* expectEqual("the fence of what is stored", (yield* process.store.read("a"))?.fence, fence)
    yield* process.store.transact("a", put("after"))
    const stored = yield* process.store.read("a")
    yield* expect((stored?.fence ?? 0) >= fence, () => `the fence has gone from ${fence} to ${stored?.fence}`)
  })
)

const refused = check("what an old fence writes is refused", ["LK-5"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const first = yield* fenceOf(process, "a")
    yield* process.store.transact("a", append("first"), { fence: first })
    const second = yield* fenceOf(process, "a")
    const error = yield* errorOf(process.store.transact("a", append("late"), { fence: first }))
    yield* expectEqual("the error", error._tag, "Fenced")
    if (error._tag === "Fenced") {
      yield* expectEqual("the key and the fence", [error.key, error.fence], ["a", first])
      yield* expect((error.current ?? second) >= second, () => `the fence that is known is ${error.current}`)
    }
    yield* process.store.transact("a", append("second"), { fence: second })
    yield* expectEqual("the words", wordsIn(yield* process.store.read("a")), ["first", "second"])
  })
)

const refusedAfterPlain = check(
  "what an old fence writes is refused also when somebody has written since without a lease",
  ["LK-5"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      const fence = yield* fenceOf(process, "a")
      yield* process.store.transact("a", append("plain"))
      yield* process.store.transact("a", append("plain"))
      const error = yield* errorOf(process.store.transact("a", append("late"), { fence }))
      yield* expectEqual("the error", error._tag, "Fenced")
      yield* expectEqual("the words", wordsIn(yield* process.store.read("a")), ["plain", "plain"])
    })
)

const besides = check(
  "a fence that is refused does not harm those that share its commit",
  ["LK-5", "LS-3"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      const old = yield* fenceOf(process, "a")
      yield* fenceOf(process, "a")
      yield* process.store.transact("a", increment)
      const changes = Array.from({ length: 20 }, (_, index) =>
        Effect.exit(process.store.transact("a", increment, index % 2 === 0 ? {} : { fence: old }))
      )
      const exits = yield* Effect.all(changes, { concurrency: "unbounded" })
      yield* expectEqual(
        "who was let through",
        exits.map(({ _tag }) => _tag),
        exits.map((_, index) => (index % 2 === 0 ? "Success" : "Failure"))
      )
      yield* expectEqual("the value", (yield* process.store.read("a"))?.value, "11")
    })
)

const reopened = check(
  "fences go on increasing when the store is opened again, and versions too",
  ["LK-2", "LK-5"],
  (world) =>
    Effect.gen(function* () {
      const fences: Array<Fence> = []
      const others: Array<Fence> = []
      for (let life = 1; life <= 4; life++) {
        const process = yield* apart(world)
        fences.push(yield* fenceOf(process, "a"))
        others.push(yield* fenceOf(process, "only locked"))
        yield* process.store.transact("a", increment)
        yield* expectEqual("the version", (yield* process.store.read("a"))?.version, life)
        for (const fence of fences) {
          const late = yield* tagOf(process.store.transact("a", increment, { fence }))
          yield* expectEqual(`the end of what fence ${fence} writes`, late, "Fenced")
        }
        yield* process.close
      }
      yield* expectIncreasing(fences)
      yield* expectIncreasing(others)
    }),
  ["kept"]
)

export const fences: ReadonlyArray<Check> = [
  increasing,
  sealed,
  refused,
  refusedAfterPlain,
  besides,
  reopened
]
