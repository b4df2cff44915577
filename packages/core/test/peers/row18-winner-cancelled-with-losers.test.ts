/**
 * Row 18: in failsafe-go (issues 65 and 123), the body of the winning response was cancelled together with the losers,
 * because they shared a context.
 */
import { assert, describe, it } from "@effect/vitest"
import { FanOut } from "@holdfast/core"
import { Effect, Fiber, Ref, type Scope } from "effect"
import { TestClock } from "effect/testing"

interface Response {
  readonly name: string
  readonly body: Effect.Effect<string>
}

describe("row 18", () => {
  it.effect("the winner's body can be read after the losers were interrupted", () =>
    Effect.gen(function* () {
      // Given calls whose answer holds a body that is open as long as the caller's scope
      const closed = yield* Ref.make<ReadonlyArray<string>>([])
      const call = (name: string, millis: number): Effect.Effect<Response, never, Scope.Scope> =>
        Effect.gen(function* () {
          yield* Effect.acquireRelease(Effect.void, () => Ref.update(closed, (all) => [...all, name]))
          yield* Effect.sleep(millis)
          const body = Effect.flatMap(Ref.get(closed), (all) =>
            all.includes(name) ? Effect.die("the body was cancelled") : Effect.succeed(`body of ${name}`)
          )
          return { name, body }
        })
      const millis: Record<string, number> = { winner: 10, loser: 1000 }

      // When the first answer is enough, and its body is read afterwards
      const program = Effect.gen(function* () {
        const report = yield* FanOut.run(["loser", "winner"], (name) => call(name, millis[name] ?? 0), {
          until: "first"
        })
        yield* Effect.sleep("5 seconds")
        return yield* Effect.forEach(report.answered, (answer) => answer.value.body)
      })
      const fiber = yield* Effect.forkChild(Effect.scoped(program), { startImmediately: true })
      yield* TestClock.adjust("10 seconds")

      // Then it is whole
      assert.deepStrictEqual(yield* Fiber.join(fiber), ["body of winner"])
    })
  )
})
