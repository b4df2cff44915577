/** Several processes that share a place. */
import { Effect, Fiber, Result, Stream } from "effect"
import type { Decision, Stored } from "../../StateStore.ts"
import {
  all,
  append,
  aWhile,
  begin,
  type Check,
  check,
  expect,
  expectEqual,
  expectFree,
  expectIncreasing,
  expectWaiting,
  held,
  increment,
  locked,
  put,
  tagOf,
  wordsIn
} from "./kit.ts"

const visible = check(
  "what one process has written, the other reads at once",
  ["LS-3"],
  ({ open }) =>
    Effect.gen(function* () {
      const processes = [yield* open, yield* open]
      for (let round = 1; round <= 10; round++) {
        for (const [index, writer] of processes.entries()) {
          const expected = 2 * round - 1 + index
          yield* expectEqual("the result", yield* writer.store.transact("a", increment), expected)
          for (const { store } of processes) {
            const stored = yield* store.read("a")
            yield* expectEqual(
              "the value and its version",
              [stored?.value, stored?.version],
              [`${expected}`, expected]
            )
          }
        }
      }
      for (const { store } of processes) {
        yield* expectEqual("the keys", Array.from(yield* Stream.runCollect(store.keys(""))), ["a"])
      }
    }),
  ["shared"]
)

const together = check(
  "of the changes that processes make at once none is lost",
  ["LS-1", "LS-3"],
  ({ open }) =>
    Effect.gen(function* () {
      const processes = [yield* open, yield* open, yield* open]
      // Some come at once and share commits, the others come while somebody else's is under way.
      const clients = processes.flatMap(({ store }) =>
        Array.from({ length: 4 }, () =>
          Effect.forEach(Array.from({ length: 10 }), () => store.transact("a", increment))
        )
      )
      const results = yield* all(clients)
      yield* expectEqual(
        "the results, sorted",
        results.flat().sort((one, other) => one - other),
        Array.from({ length: 120 }, (_, index) => index + 1)
      )
      for (const { store } of processes) {
        yield* expectEqual("the value", (yield* store.read("a"))?.value, "120")
      }
    }),
  ["shared"]
)

/** Takes a key that nobody has, once and for all. */
const take =
  (owner: number) =>
  (current: Stored | undefined): Result.Result<Decision<boolean>> =>
    Result.succeed(
      current === undefined
        ? { _tag: "Write", value: String(owner), schemaVersion: 1, result: true }
        : { _tag: "Keep", result: false }
    )

const winners = check(
  "of the processes that take a key at once exactly one gets it",
  ["LS-3"],
  ({ open }) =>
    Effect.gen(function* () {
      const processes = [yield* open, yield* open, yield* open]
      const keys = Array.from({ length: 15 }, (_, index) => `key ${index}`)
      const taken = yield* all(
        processes.map(({ store }, owner) => all(keys.map((key) => store.transact(key, take(owner)))))
      )
      for (const [index, key] of keys.entries()) {
        const owners = taken.flatMap((results, owner) => (results[index] === true ? [String(owner)] : []))
        const stored = yield* processes[index % 3]?.store.read(key) ?? Effect.void
        yield* expectEqual(`the winners of ${key}`, owners, [stored?.value])
      }
    }),
  ["shared"]
)

const exclusive = check(
  "at most one of all processes has a lock, and fences increase over all of them",
  ["LK-1", "LK-2"],
  ({ open }) =>
    Effect.gen(function* () {
      const processes = [yield* open, yield* open]
      let inside = 0
      let most = 0
      const fences: Array<number> = []
      const sections = processes.flatMap((process) =>
        Array.from({ length: 6 }, () =>
          locked(process, "a", ({ fence }) =>
            Effect.gen(function* () {
              fences.push(fence)
              most = Math.max(most, ++inside)
              yield* Effect.sleep(2)
              inside--
            })
          )
        )
      )
      yield* all(sections)
      yield* expectEqual("the most that had it at once", most, 1)
      yield* expectIncreasing(fences)
      for (const process of processes) yield* expectFree(process, "all have had it", "a")
    }),
  ["shared"]
)

const waits = check(
  "who wants what another process has leased waits for it, or is told that it is not free",
  ["LK-1", "LK-4"],
  ({ open }) =>
    Effect.gen(function* () {
      const one = yield* open
      const other = yield* open
      const { lease, letGo } = yield* held(one, "a")
      for (const attempt of [
        tagOf(other.store.transact("a", increment, { wait: 0 })),
        tagOf(locked(other, "a", () => Effect.void, { wait: 0 })),
        tagOf(other.store.transact("a", increment, { wait: "20 millis" }))
      ]) {
        yield* expectEqual("the end of what may not wait", yield* attempt, "LockTimeout")
      }
      const change = yield* begin(other.store.transact("a", append("plain")))
      const section = yield* begin(
        locked(other, "a", ({ fence }) => other.store.transact("a", append("leased"), { fence }))
      )
      yield* aWhile
      yield* expectWaiting("a change", change)
      yield* expectWaiting("a section", section)
      yield* one.store.transact("a", put("held"), { fence: lease.fence })
      yield* letGo
      yield* Fiber.join(change)
      yield* Fiber.join(section)
      const words = wordsIn(yield* one.store.read("a"))
      yield* expectEqual("the first word", words[0], "held")
      yield* expectEqual("the words", words.slice().sort(), ["held", "leased", "plain"])
      yield* expectEqual(
        "the end of what the old fence writes",
        yield* tagOf(one.store.transact("a", append("late"), { fence: lease.fence })),
        "Fenced"
      )
    }),
  ["shared"]
)

/** How often one may come before the other. Chance decides between those that wait, so this is far from what is likely. */
const mostOvertakes = 100

const fair = check(
  "no process starves, however eager the other is",
  ["LK-6"],
  ({ open }) =>
    Effect.gen(function* () {
      const eager = yield* open
      const modest = yield* open
      let turns = 0
      const section = locked(eager, "a", () =>
        Effect.andThen(
          Effect.sync(() => turns++),
          Effect.sleep(2)
        )
      )
      const fiber = yield* begin(Effect.forever(section))
      for (let round = 0; round < 3; round++) {
        const before = turns
        yield* Effect.raceFirst(
          locked(modest, "a", () => Effect.void),
          Effect.asVoid(Fiber.join(fiber))
        )
        const overtakes = turns - before
        yield* expect(overtakes <= mostOvertakes, () => `it was overtaken ${overtakes} times`)
      }
      yield* Fiber.interrupt(fiber)
    }),
  ["shared"]
)

export const processes: ReadonlyArray<Check> = [visible, together, winners, exclusive, waits, fair]
