import { assert, describe, it } from "@effect/vitest"
import { FaultPlan, FlakyServer, Host, Simulation } from "@holdfast/sim"
import { Cause, Clock, Effect, Exit } from "effect"

const value = <A, E>(program: Effect.Effect<A, E>): A => {
  const { exit } = Simulation.run(program)
  return Exit.isSuccess(exit) ? exit.value : assert.fail(Cause.pretty(exit.cause))
}

describe("clocks that went wrong", () => {
  it.each([
    ["it is restarted", (host: Host.Host) => host.restart],
    ["all faults are healed", (host: Host.Host) => Effect.andThen(host.crash, FaultPlan.healAll)]
  ] as const)("Given a clock that is an hour ahead and runs fast, When %s, Then it stays so", (_, change) => {
    const program = Effect.gen(function* () {
      const host = yield* Host.make("h")
      yield* host.skew({ offset: "1 hour", rate: 2 })
      yield* Effect.sleep("1 second")
      yield* change(host)
      yield* Effect.sleep("1 second")
      return yield* host.run(Clock.currentTimeMillis)
    })
    assert.strictEqual(value(program), 3_604_000)
  })
})

describe("a flaky server", () => {
  it("Given a caller whose host crashed, When somebody asks, Then it does not wait any more", () => {
    const program = Effect.gen(function* () {
      const server = yield* FlakyServer.make(
        "s",
        FlakyServer.always(FlakyServer.answer("1 second")),
        () => "ok"
      )
      for (let life = 0; life < 3; life++) {
        const host = yield* Host.make(`h${life}`, server.call("a"))
        yield* Effect.sleep(10)
        yield* host.crash
      }
      return [yield* server.inFlight, yield* server.maxInFlight]
    })
    assert.deepStrictEqual(value(program), [0, 1])
  })

  it("Given a handler that gives out what was stored, When others come, Then the reply stays as it was", () => {
    const program = Effect.gen(function* () {
      const server = yield* FlakyServer.make(
        "s",
        FlakyServer.always(FlakyServer.answer()),
        (_: string, stored) => stored
      )
      const first = yield* server.call("a")
      yield* server.call("b")
      return first
    })
    assert.deepStrictEqual(value(program), [])
  })
})
