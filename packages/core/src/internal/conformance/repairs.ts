/** Values that are not what was written. */
import { Effect } from "effect"
import {
  apart,
  type Check,
  check,
  expect,
  expectEqual,
  expectIncreasing,
  increment,
  listed,
  locked,
  put,
  tagOf,
  type World
} from "./kit.ts"

const value = { value: "mended", schemaVersion: 3 }

const healthy = check("what can be read is not repaired", ["LS-5"], ({ open }) =>
  Effect.gen(function* () {
    const { store } = yield* open
    yield* expectEqual("what was done", (yield* store.repair("a", value))._tag, "Healthy")
    yield* expectEqual("what is stored", yield* store.read("a"), undefined)
    yield* store.transact("a", put("one"))
    const before = yield* store.read("a")
    yield* expectEqual("what was done", (yield* store.repair("a", value))._tag, "Healthy")
    yield* expectEqual("what was done", (yield* store.repair("a"))._tag, "Healthy")
    yield* expectEqual("what is stored", yield* store.read("a"), before)
  })
)

const refused = check(
  "a corrupt value is told of, and nothing is written over it",
  ["LS-5"],
  (world) =>
    Effect.gen(function* () {
      const { close, store } = yield* apart(world)
      yield* store.transact("a", put("one"))
      yield* store.transact("b", put("other"))
      yield* close
      yield* world.corrupt("a")
      const process = yield* world.open
      for (const attempt of [
        process.store.read("a"),
        process.store.transact("a", put("two")),
        locked(process, "a", () => Effect.void),
        process.store.transact("a", increment),
        process.store.read("a")
      ]) {
        yield* expectEqual("the end of what needs it", yield* tagOf(attempt), "StateCorrupted")
      }
    }),
  ["corrupt", "kept"]
)

const repaired = check(
  "repairing puts a corrupt value aside and another in its place, with higher numbers than before",
  ["LS-5", "LK-2"],
  (world) =>
    Effect.gen(function* () {
      const first = yield* apart(world)
      yield* first.store.transact("a", put("one"))
      const { fence } = yield* locked(first, "a", Effect.succeed)
      const version = (yield* first.store.read("a"))?.version ?? 0
      yield* first.close
      yield* world.corrupt("a")
      const process = yield* world.open
      const done = yield* process.store.repair("a", value)
      yield* expect(
        done._tag === "Repaired" && done.aside !== "",
        () => `what was done is ${JSON.stringify(done)}`
      )
      const stored = yield* process.store.read("a")
      yield* expectEqual("what is stored", [stored?.value, stored?.schemaVersion], ["mended", 3])
      yield* expect(
        (stored?.version ?? 0) > version,
        () => `version ${stored?.version} came after ${version}`
      )
      yield* process.store.transact("a", put("two"))
      const next = yield* locked(process, "a", Effect.succeed)
      yield* expect(next.fence > fence, () => `fence ${next.fence} came after ${fence}`)
      yield* expectEqual(
        "the end of what the old fence writes",
        yield* tagOf(process.store.transact("a", put("late"), { fence })),
        "Fenced"
      )
      yield* expectEqual("what was done", (yield* process.store.repair("a", value))._tag, "Healthy")
    }),
  ["corrupt", "kept"]
)

const emptied = check(
  "repairing without a value leaves none, and forgets no numbers",
  ["LS-5", "LK-2", "LK-5"],
  (world) =>
    Effect.gen(function* () {
      const first = yield* apart(world)
      const { fence } = yield* locked(first, "a", Effect.succeed)
      yield* first.store.transact("a", put("one"))
      yield* first.store.transact("a", put("one"))
      const version = (yield* first.store.read("a"))?.version ?? 0
      yield* first.close
      yield* world.corrupt("a")
      const process = yield* world.open
      yield* expectEqual("what was done", (yield* process.store.repair("a"))._tag, "Repaired")
      yield* expectEqual("what is stored", yield* process.store.read("a"), undefined)
      yield* expectEqual("the list of keys", yield* listed(process, ""), [])
      const late = yield* tagOf(process.store.transact("a", put("late"), { fence }))
      yield* expectEqual("the end of what the old fence writes", late, "Fenced")
      const next = yield* locked(process, "a", Effect.succeed)
      yield* expectIncreasing([fence, next.fence])
      yield* expectEqual("the next result", yield* process.store.transact("a", increment), 1)
      const after = (yield* process.store.read("a"))?.version ?? 0
      yield* expect(after > version, () => `version ${after} came after ${version}`)
      yield* expectEqual("the list of keys", yield* listed(process, ""), ["a"])
    }),
  ["corrupt", "kept"]
)

/** Corrupts a key again and again: where each time what was corrupt was put. */
const asidesOf = (world: World) =>
  Effect.forEach([1, 2, 3], () =>
    Effect.gen(function* () {
      const first = yield* apart(world)
      yield* first.store.transact("a", put("one"))
      yield* first.close
      yield* world.corrupt("a")
      const process = yield* apart(world)
      const done = yield* process.store.repair("a", value)
      yield* process.close
      const aside = done._tag === "Repaired" ? done.aside : ""
      yield* expect(aside !== "", () => `what was done is ${JSON.stringify(done)}`)
      return aside
    })
  )

const apiece = check(
  "each repair says where it has put what was corrupt, and that is another place each time",
  ["LS-5"],
  (world) =>
    Effect.flatMap(asidesOf(world), (asides) =>
      expect(new Set(asides).size === asides.length, () => `the places were ${asides.join(", ")}`)
    ),
  ["corrupt", "kept"]
)

const preserved = check(
  "what was corrupt is where the repair says that it has put it, and later repairs leave it there",
  ["LS-5"],
  (world) =>
    Effect.gen(function* () {
      for (const aside of yield* asidesOf(world)) {
        yield* expect(yield* world.isThere(aside), `there is nothing at ${aside}`)
      }
      yield* expectEqual(
        "whether there is anything where nothing was put",
        yield* world.isThere("nowhere"),
        false
      )
    }),
  ["corrupt", "kept", "aside"]
)

export const repairs: ReadonlyArray<Check> = [healthy, refused, repaired, emptied, apiece, preserved]
