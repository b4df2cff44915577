/** Ways in which `Deadline` was once broken on purpose. */
import { assert, describe, it } from "@effect/vitest"
import { Deadline } from "@holdfast/core"
import { Simulation, Strategy } from "@holdfast/sim"
import { Duration, Effect, Exit, Fiber } from "effect"
import { TestClock } from "effect/testing"

describe("sleeps that begin shortly before the deadline, on a test clock", () => {
  for (const [parts, limit] of [
    [["1 millis", "1 millis"], "2 millis"],
    [["1 millis", "1 millis", "1 millis"], "3 millis"],
    [["9500 micros", "500 micros"], "10 millis"]
  ] as const)
    it.effect(`DL-3: ${parts.join(" + ")} within ${limit}`, () =>
      Effect.gen(function* () {
        // Given work whose sleeps end at the instant of the deadline
        const work = Effect.forEach(parts, (part) => Effect.sleep(part), { discard: true })
        // When the time comes
        const fiber = yield* Effect.forkChild(Effect.exit(Deadline.within(work, limit)), {
          startImmediately: true
        })
        yield* TestClock.adjust(limit)
        // Then the result wins
        assert.strictEqual((yield* Fiber.join(fiber))._tag, "Success")
      })
    )
})

describe("a deadline and its work live by different clocks", () => {
  it.live("DL-1: a live deadline holds over work on a test clock that inherits it", () =>
    Effect.gen(function* () {
      // Given work on a clock of its own, in which a deadline is inherited
      const work = Effect.provide(
        Deadline.within(Effect.never, Duration.infinity),
        TestClock.layer({ warningDelay: "1 hour" })
      )
      // When the live deadline around it comes
      const fiber = yield* Effect.forkChild(Deadline.within(work, "20 millis"), { startImmediately: true })
      const exit = yield* Fiber.await(fiber)
      // Then it returns
      assert.isTrue(Exit.isFailure(exit))
    })
  )
})

describe("an inherited deadline that became a defect", () => {
  it.effect("DL-2: is still the deadline of its owner", () =>
    Effect.gen(function* () {
      // Given work that dies of the deadline that it inherits
      const inner = Effect.orDie(Deadline.within(Effect.never, "1 minute", { label: "inner" }))
      // When the deadline comes
      const outer = Effect.flip(Deadline.within(inner, "1 second", { label: "outer" }))
      const fiber = yield* Effect.forkChild(outer, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      // Then its owner fails with it
      const error = yield* Fiber.join(fiber)
      assert.strictEqual(error.label, "outer")
      assert.isFalse(error.inherited)
    })
  )
})

describe("a scheduler that runs what is ready in any order", () => {
  it("DL-3: the result wins whichever timer of the instant comes first", () => {
    // Given work that ends at the instant of its deadline
    const call = Deadline.within(Effect.as(Effect.sleep("250 millis"), "done"), "250 millis")
    const outcomes = new Set<string>()
    for (let seed = 0; seed < 50; seed++) {
      // When all that is ready at that instant runs in any order, and nobody is preempted
      const { exit } = Simulation.run(call, { seed, strategy: Strategy.pct({ depth: 1 }) })
      outcomes.add(Exit.isSuccess(exit) ? exit.value : "exceeded")
    }
    // Then its result wins
    assert.deepStrictEqual(Array.from(outcomes), ["done"])
  })
})
