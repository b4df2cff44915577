/** Values that are not what was written. */
import { Effect } from "effect"
import { apart, type Check, check, expect, expectEqual, increment, locked, put, tagOf } from "./kit.ts"

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
  "repairing without a value leaves none",
  ["LS-5"],
  (world) =>
    Effect.gen(function* () {
      const first = yield* apart(world)
      yield* first.store.transact("a", put("one"))
      yield* first.close
      yield* world.corrupt("a")
      const process = yield* world.open
      yield* expectEqual("what was done", (yield* process.store.repair("a"))._tag, "Repaired")
      yield* expectEqual("what is stored", yield* process.store.read("a"), undefined)
      yield* expectEqual("the next result", yield* process.store.transact("a", increment), 1)
    }),
  ["corrupt", "kept"]
)

export const repairs: ReadonlyArray<Check> = [healthy, refused, repaired, emptied]
