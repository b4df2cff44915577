import { assert, describe, it } from "@effect/vitest"
import { Host, Simulation } from "@holdfast/sim"
import { Cause, Effect, Exit, Request, RequestResolver } from "effect"

class GetName extends Request.Class<{ readonly id: number }, string> {}

/** As an application has it: in a module, for all runs. */
const names = RequestResolver.make<GetName>((entries) =>
  Effect.sync(() => {
    for (const entry of entries) entry.completeUnsafe(Exit.succeed(`name ${entry.request.id}`))
  })
).pipe(RequestResolver.setDelay("10 millis"))

const name = Effect.request(new GetName({ id: 1 }), names)

const value = <A, E>({ exit }: Simulation.Result<A, E>): A =>
  Exit.isSuccess(exit) ? exit.value : assert.fail(Cause.pretty(exit.cause))

describe("batches of requests that a run leaves behind", () => {
  it("Given a run that was cut off while a batch was collected, When another run asks, Then it gets its answer", () => {
    const cut = Simulation.run(Effect.andThen(Effect.forkDetach(name), Effect.sleep("5 millis")))
    assert.isTrue(Exit.isSuccess(cut.exit))

    assert.strictEqual(value(Simulation.run(name)), "name 1")
  })

  it("Given a run that was given up, When another run asks, Then it gets its answer", () => {
    assert.isTrue(Exit.isFailure(Simulation.run(name, { maxTime: "5 millis" }).exit))

    assert.strictEqual(value(Simulation.run(name)), "name 1")
  })

  it("Given a host that crashed while a batch was collected, When its next life asks, Then it gets its answer", () => {
    const program = Effect.gen(function* () {
      const host = yield* Host.make("asker")
      yield* Effect.forkChild(host.run(name))
      yield* Effect.sleep("5 millis")
      yield* host.restart
      return yield* host.run(name)
    })
    assert.strictEqual(value(Simulation.run(program)), "name 1")
  })

  it("Given a promise run that was given up, When another run asks, Then it gets its answer", async () => {
    await Simulation.runPromise(name, { maxTime: "5 millis" })

    assert.strictEqual(value(await Simulation.runPromise(name)), "name 1")
  })
})
