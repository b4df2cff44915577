/** One transaction, and many that share commits. */
import { Clock, Effect, Exit, Result } from "effect"
import type { Decision } from "../../StateStore.ts"
import {
  all,
  aWhile,
  type Check,
  check,
  errorOf,
  expect,
  expectEqual,
  increment,
  keep,
  locked,
  put
} from "./kit.ts"

const written = check("what is written is what is read", ["LS-1"], ({ open }) =>
  Effect.gen(function* () {
    const { store } = yield* open
    yield* expectEqual("what is read before the first write", yield* store.read("a"), undefined)
    yield* expectEqual("the result", yield* store.transact("a", put("one", 7)), "one")
    const stored = yield* store.read("a")
    yield* expectEqual(
      "what is stored",
      [stored?.value, stored?.schemaVersion, stored?.version],
      ["one", 7, 1]
    )
    yield* store.transact("a", put("two", 8))
    const next = yield* store.read("a")
    yield* expectEqual("what is stored", [next?.value, next?.schemaVersion, next?.version], ["two", 8, 2])
    yield* expectEqual("the value of another key", yield* store.read("b"), undefined)
  })
)

const again = check(
  "writing what is there already is a change, and its version grows",
  ["LS-3"],
  ({ open }) =>
    Effect.gen(function* () {
      const { store } = yield* open
      for (let version = 1; version <= 3; version++) {
        yield* store.transact("a", put("same"))
        yield* expectEqual("the version", (yield* store.read("a"))?.version, version)
      }
      yield* all(Array.from({ length: 5 }, () => store.transact("a", put("same"))))
      yield* expectEqual("the version", (yield* store.read("a"))?.version, 8)
    })
)

const dated = check("what is written says when it was, by the clock of who wrote it", ["LS-1"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    const { store } = process
    const expectDated = (write: Effect.Effect<unknown, unknown>) =>
      Effect.gen(function* () {
        // So that a time from before is not this one.
        yield* aWhile
        const from = Math.floor(yield* Clock.currentTimeMillis)
        yield* write
        const to = Math.ceil(yield* Clock.currentTimeMillis)
        const at = (yield* store.read("a"))?.writtenAtMillis ?? Number.NaN
        const isSetBack = to < from
        yield* expect(
          isSetBack || (from <= at && at <= to),
          () => `what was written between ${from} and ${to} ms says ${at} ms`
        )
      })
    yield* expectDated(store.transact("a", put("one")))
    yield* expectDated(store.transact("a", put("one")))
    yield* locked(process, "a", ({ fence }) => expectDated(store.transact("a", put("two"), { fence })))
  })
)

const kept = check("a decision that keeps writes nothing", ["LS-1"], ({ open }) =>
  Effect.gen(function* () {
    const { store } = yield* open
    yield* expectEqual("the result", yield* store.transact("a", keep), undefined)
    yield* expectEqual("what is stored", yield* store.read("a"), undefined)
    yield* store.transact("a", put("one"))
    const before = yield* store.read("a")
    yield* expectEqual("the result", yield* store.transact("a", keep), "one")
    yield* expectEqual("what is stored", yield* store.read("a"), before)
  })
)

const failed = check(
  "a decision that fails gives its error to its caller, and writes nothing",
  ["LS-4"],
  ({ open }) =>
    Effect.gen(function* () {
      const { store } = yield* open
      const refuse = store.transact("a", () => Result.fail({ _tag: "Refused", why: "full moon" }))
      yield* expectEqual("the error", yield* errorOf(refuse), { _tag: "Refused", why: "full moon" })
      yield* expectEqual("what is stored", yield* store.read("a"), undefined)
      yield* store.transact("a", put("one"))
      const before = yield* store.read("a")
      yield* expectEqual("the error", yield* errorOf(refuse), { _tag: "Refused", why: "full moon" })
      yield* expectEqual("what is stored", yield* store.read("a"), before)
    })
)

const thrown = check("a decision that throws ends its caller, and nobody else", ["LS-4"], ({ open }) =>
  Effect.gen(function* () {
    const { store } = yield* open
    const bug = () => {
      throw new Error("bug")
    }
    const exits = yield* all(
      [increment, bug, increment, bug, increment].map((decide) => Effect.exit(store.transact("a", decide)))
    )
    yield* expectEqual(
      "who died",
      exits.map((exit) => Exit.hasDies(exit)),
      [false, true, false, true, false]
    )
    yield* expectEqual("the value", (yield* store.read("a"))?.value, "3")
    yield* expectEqual("the next", yield* store.transact("a", increment), 4)
  })
)

const mixed = check("those that decide together see each other's writes, in turn", ["LS-3"], ({ open }) =>
  Effect.gen(function* () {
    const { store } = yield* open
    const versions: Array<number> = []
    const decisions = Array.from({ length: 50 }, (_, index) =>
      Effect.exit(
        store.transact("a", (current): Result.Result<Decision<unknown>, { readonly _tag: string }> => {
          if (index % 5 === 0) return Result.fail({ _tag: "Refused" })
          if (index % 5 === 1) return keep(current)
          versions.push(current?.version ?? 0)
          return increment(current)
        })
      )
    )
    yield* all(decisions)
    const stored = yield* store.read("a")
    yield* expectEqual("the value and its version", [stored?.value, stored?.version], ["30", 30])
    // A decision can be called more than once, and the last of its calls counts: so only the set is known.
    yield* expectEqual(
      "what the decisions saw",
      Array.from(new Set(versions)).sort((one, other) => one - other),
      Array.from({ length: 30 }, (_, index) => index)
    )
  })
)

const many = check(
  "of a thousand changes at once none is lost, and each sees a value of its own",
  ["LS-1", "LS-3"],
  ({ open }) =>
    Effect.gen(function* () {
      const { store } = yield* open
      const results = yield* all(Array.from({ length: 1000 }, () => store.transact("a", increment)))
      yield* expectEqual(
        "the results, sorted",
        results.slice().sort((one, other) => one - other),
        Array.from({ length: 1000 }, (_, index) => index + 1)
      )
      const stored = yield* store.read("a")
      yield* expectEqual("the value and its version", [stored?.value, stored?.version], ["1000", 1000])
    })
)

const apart = check("keys change apart from each other, also at once", ["LS-2", "LS-3"], ({ open }) =>
  Effect.gen(function* () {
    const { store } = yield* open
    const keys = Array.from({ length: 20 }, (_, index) => `key ${index}`)
    yield* all(
      Array.from({ length: 10 }, () => keys)
        .flat()
        .map((key) => store.transact(key, increment))
    )
    for (const key of keys) {
      const stored = yield* store.read(key)
      yield* expectEqual(`"${key}" and its version`, [stored?.value, stored?.version], ["10", 10])
    }
  })
)

const readers = check("who reads while others write never goes back", ["LS-2", "LS-3"], ({ open }) =>
  Effect.gen(function* () {
    const { store } = yield* open
    const writes = Effect.forEach(Array.from({ length: 40 }), () => store.transact("a", increment))
    const writer = yield* Effect.forkChild(all([writes, writes]))
    let last = 0
    while (writer.pollUnsafe() === undefined) {
      const stored = yield* store.read("a")
      const version = stored?.version ?? 0
      yield* expect(version >= last, () => `version ${version} was read after ${last}`)
      yield* expectEqual(`the value of version ${version}`, Number(stored?.value ?? "0"), version)
      last = version
      yield* Effect.sleep(1)
    }
    yield* expectEqual("the value", (yield* store.read("a"))?.value, "80")
  })
)

export const transactions: ReadonlyArray<Check> = [
  written,
  kept,
  again,
  dated,
  failed,
  thrown,
  mixed,
  many,
  apart,
  readers
]
