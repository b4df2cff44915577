/** Row 32: `modify` of effect's `KeyValueStore` is a get and a set, so of 800 increments at once most are lost. */
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { LockedState } from "@holdfast/core"
import { Array as Arr, Effect, Layer, Schema } from "effect"
import { KeyValueStore } from "effect/persistence"
import { Points } from "../torture/points.ts"
import { sound, storeOf } from "../torture/stores.ts"
import { temporaryDirectory } from "../utils/directory.ts"

const timeout = 60_000
const fibers = 8
const increments = 100

/** So many at once, each of which makes its increments one after the other. */
const all = <E, R>(increment: (fiber: number) => Effect.Effect<unknown, E, R>) =>
  Effect.forEach(
    Arr.range(1, fibers),
    (fiber) => Effect.repeat(increment(fiber), { times: increments - 1 }),
    { concurrency: "unbounded", discard: true }
  )

describe("row 32", () => {
  for (const store of sound) {
    it.live(
      `LS-3: of 800 increments through two stores that know nothing of each other, none is lost: ${store}`,
      () =>
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const counter = LockedState.make("counter", { schema: Schema.Int, initial: 0 })
          const open = Effect.map(Layer.build(storeOf(store).layer(directory, new Points())), (context) =>
            Effect.provide(counter, context)
          )
          const one = yield* yield* open
          const other = yield* yield* open
          yield* all((fiber) => (fiber % 2 === 0 ? one : other).update((n) => n + 1))
          assert.strictEqual(yield* one.get, fibers * increments)
          assert.strictEqual(yield* other.get, fibers * increments)
        }).pipe(Effect.scoped),
      timeout
    )
  }

  it.live(
    "the peer loses some, in one store already",
    () =>
      Effect.gen(function* () {
        const directory = yield* temporaryDirectory
        const value = Effect.gen(function* () {
          const store = yield* KeyValueStore.KeyValueStore
          yield* store.set("counter", "0")
          yield* all(() => store.modify("counter", (text) => String(Number(text) + 1)))
          return yield* store.get("counter")
        }).pipe(
          Effect.provide(KeyValueStore.layerFileSystem(directory).pipe(Layer.provide(NodeServices.layer)))
        )
        assert.isBelow(Number(yield* value), fibers * increments)
      }).pipe(Effect.scoped),
    timeout
  )
})
