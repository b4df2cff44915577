/** Streams of what a key becomes. */
import { Effect, Fiber, Stream } from "effect"
import type { Stored } from "../../StateStore.ts"
import { Watchers } from "../watchers.ts"
import {
  all,
  apart,
  append,
  begin,
  type Check,
  check,
  expect,
  expectEqual,
  increment,
  keep,
  locked,
  type Process,
  put,
  tagOf
} from "./kit.ts"

/** Follows a key, and looks at nothing for a while after each element when it is slow. */
const follow = ({ store }: Process, key: string, slowMillis = 0) =>
  Effect.gen(function* () {
    const seen: Array<Stored | undefined> = []
    const watchers = new Watchers()
    const fiber = yield* begin(
      Stream.runForEach(store.watch(key), (stored) =>
        Effect.andThen(
          Effect.sync(() => {
            seen.push(stored)
            watchers.tell()
          }),
          slowMillis === 0 ? Effect.void : Effect.sleep(slowMillis)
        )
      )
    )
    const until = (holds: (seen: ReadonlyArray<Stored | undefined>) => boolean) =>
      Effect.raceFirst(
        watchers.until(() => (holds(seen) ? Effect.void : undefined)),
        // It ends only when it fails.
        Effect.asVoid(Fiber.join(fiber))
      )
    const untilLast = (value: string) => until((seen) => seen.at(-1)?.value === value)
    return { fiber, seen, until, untilLast }
  })

/** No element comes twice, and none after a later one. */
const expectForward = (seen: ReadonlyArray<Stored | undefined>) =>
  expect(
    seen.every((stored, index) => index === 0 || (stored?.version ?? 0) > (seen[index - 1]?.version ?? 0)),
    () => `the versions were ${seen.map((stored) => stored?.version ?? 0).join(", ")}`
  )

const begins = check("watching begins with what is there, or with nothing", ["LS-3"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const empty = yield* follow(process, "a")
    yield* empty.until((seen) => seen.length > 0)
    yield* expectEqual("the first element", empty.seen[0], undefined)
    yield* process.store.transact("b", put("one"))
    const full = yield* follow(process, "b")
    yield* full.untilLast("one")
    yield* expectEqual("how many elements there were", full.seen.length, 1)
  })
)

const sees = check("watching sees each change that is waited for", ["LS-3"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const watchers = [yield* follow(process, "a"), yield* follow(process, "a")]
    for (const { until } of watchers) yield* until((seen) => seen.length > 0)
    for (const word of ["one", "two", "three"]) {
      yield* process.store.transact("a", put(word))
      for (const { untilLast } of watchers) yield* untilLast(word)
    }
    for (const { seen } of watchers) {
      yield* expectEqual(
        "what was seen",
        seen.map((stored) => stored?.value ?? "nothing"),
        ["nothing", "one", "two", "three"]
      )
    }
  })
)

const latest = check("who watches slowly misses what was between, and never the last", ["LS-3"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const quick = yield* follow(process, "a")
    const slow = yield* follow(process, "a", 10)
    for (let round = 1; round <= 4; round++) {
      yield* all(Array.from({ length: 25 }, () => process.store.transact("a", increment)))
      for (const { untilLast } of [quick, slow]) yield* untilLast(String(25 * round))
    }
    for (const { seen } of [quick, slow]) yield* expectForward(seen)
  })
)

const quiet = check("watching shows nothing twice", ["LS-3"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    yield* process.store.transact("a", put("one"))
    const { seen, untilLast } = yield* follow(process, "a")
    yield* untilLast("one")
    yield* process.store.transact("a", keep)
    yield* process.store.transact("b", put("another key"))
    yield* locked(process, "a", () => Effect.void)
    yield* process.store.transact("a", put("two"))
    yield* untilLast("two")
    yield* expectEqual(
      "what was seen",
      seen.map((stored) => stored?.value),
      ["one", "two"]
    )
  })
)

const again = check("watching sees also that what is there is written once more", ["LS-3"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const { seen, until } = yield* follow(process, "a")
    for (let version = 1; version <= 3; version++) {
      yield* process.store.transact("a", put("same"))
      yield* until((seen) => seen.at(-1)?.version === version)
    }
    yield* expectForward(seen)
  })
)

const told = check(
  "who watches what is corrupt is told so, and sees it again when it is repaired",
  ["LS-5"],
  (world) =>
    Effect.gen(function* () {
      const first = yield* apart(world)
      yield* first.store.transact("a", put("one"))
      yield* first.close
      yield* world.corrupt("a")
      const process = yield* world.open
      const end = yield* tagOf(Stream.runDrain(process.store.watch("a")))
      yield* expectEqual("the end of watching", end, "StateCorrupted")
      yield* process.store.repair("a", { value: "mended", schemaVersion: 1 })
      const { untilLast } = yield* follow(process, "a")
      yield* untilLast("mended")
    }),
  ["corrupt", "kept"]
)

const ends = check("who stops watching does not harm the others", ["LS-3"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const one = yield* follow(process, "a")
    const other = yield* follow(process, "a")
    yield* process.store.transact("a", put("one"))
    yield* Fiber.interrupt(one.fiber)
    yield* process.store.transact("a", put("two"))
    yield* other.untilLast("two")
    const again = yield* follow(process, "a")
    yield* again.untilLast("two")
    yield* expectForward(other.seen)
  })
)

const foreign = check(
  "watching sees what another process has written",
  ["LS-3"],
  ({ open }) =>
    Effect.gen(function* () {
      const one = yield* open
      const other = yield* open
      const watching = yield* follow(one, "a")
      yield* watching.until((seen) => seen.length > 0)
      for (const word of ["one", "two"]) {
        yield* other.store.transact("a", put(word))
        yield* watching.untilLast(word)
      }
      const writes = [one, other].map(({ store }, index) =>
        Effect.forEach(Array.from({ length: 10 }), () => store.transact("a", append(index)))
      )
      yield* all(writes)
      const last = (yield* one.store.read("a"))?.value ?? ""
      yield* watching.untilLast(last)
      yield* expectForward(watching.seen)
    }),
  ["shared"]
)

export const watching: ReadonlyArray<Check> = [begins, sees, again, latest, quiet, told, ends, foreign]
