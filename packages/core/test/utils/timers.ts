import { vi } from "@effect/vitest"
import { Effect } from "effect"

/**
 * How many timers of the platform an effect started and left running. Counting those of the process would count the
 * test runner's too, which come and go. Node marks a timer that has fired or was cleared as destroyed.
 */
export const left = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.acquireUseRelease(
    Effect.sync(() => vi.spyOn(globalThis, "setTimeout")),
    (spy) =>
      Effect.map(
        effect,
        () => spy.mock.results.filter(({ value }) => Reflect.get(value, "_destroyed") !== true).length
      ),
    (spy) => Effect.sync(() => spy.mockRestore())
  )
