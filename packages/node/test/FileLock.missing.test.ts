import { assert, it } from "@effect/vitest"
import { FileStateStore } from "@holdfast/node"
import { Effect, Layer } from "effect"
import { vi } from "vitest"

vi.mock("fs-native-extensions", () => {
  throw new Error("Cannot find package")
})

it.effect("without fs-native-extensions the layer says what to add", () =>
  Effect.gen(function* () {
    const error = yield* Effect.flip(Layer.build(FileStateStore.layer({ directory: "/tmp/never" })))
    assert.deepInclude(error, { _tag: "StoreUnavailable", reason: "Unsupported" })
    assert.include(error.message, "add fs-native-extensions")
  })
)
