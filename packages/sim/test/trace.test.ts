import { assert, describe, it } from "@effect/vitest"
import { Check, Host, Network, Report, Simulation, Suite } from "@holdfast/sim"
import { Effect, Queue } from "effect"
import * as fc from "fast-check"

const eventsOf = (program: Effect.Effect<unknown, unknown>) => Simulation.run(program, { trace: true }).trace

describe("a trace", () => {
  it("tells which fiber it was, also of one that was started inline", () => {
    const say = (text: string) =>
      Effect.withFiber((fiber) => Effect.logInfo(`${text} ${fiber.id}`).pipe(Effect.as(fiber.id)))
    const program = Effect.gen(function* () {
      const ids = yield* Effect.all([say("a"), say("b")], { concurrency: 2 })
      return [...ids, yield* say("main")]
    })
    const fibers = eventsOf(program)
      .filter(({ kind }) => kind === "log")
      .map(({ fiber }) => fiber)
    assert.deepStrictEqual(fibers, [2, 3, 1])
  })

  it("tells of a broken promise where it was found", () => {
    const work = Effect.forEach([1, 2], () => Effect.sleep(1), { concurrency: "unbounded" })
    const checks = eventsOf(Effect.andThen(work, Check.always("X-1", false, "no"))).filter(
      ({ kind }) => kind === "check"
    )
    assert.deepStrictEqual(
      checks.map(({ fiber }) => fiber),
      [1]
    )
  })

  it("names a fiber by the function that it is in, as soon as that is known", () => {
    const increment = Effect.fn("increment")(function* () {
      yield* Effect.sleep(1)
      yield* Effect.sleep(1)
    })
    const names = eventsOf(Effect.andThen(Effect.forkChild(increment()), Effect.sleep(5)))
      .filter(({ data, kind }) => kind === "fiber" && data?.phase === "name")
      .map(({ text }) => text)
    assert.include(names, "fiber 2 (increment)")
  })

  it("shows what a datagram holds, cut to a line", () => {
    const program = Effect.gen(function* () {
      yield* Host.make(
        "b",
        Effect.scoped(Effect.flatMap(Network.mailbox(7), ({ messages }) => Queue.take(messages)))
      )
      yield* Effect.sleep(1)
      yield* Network.send({ host: "b", port: 7 }, { _tag: "Ack", job: "j".repeat(200) })
      yield* Effect.sleep(10)
    })
    const payloads = eventsOf(program).flatMap(({ data, kind }) =>
      kind === "message" ? [String(data?.payload)] : []
    )
    assert.strictEqual(payloads.length, 2)
    assert.match(payloads[0] ?? "", /^\{"_tag":"Ack","job":"j+…$/)
    assert.strictEqual(payloads[0], payloads[1])
  })
})

describe("the text of a failure", () => {
  const failing = (run: Effect.Effect<unknown, unknown>) => {
    const suite = Suite.make({ name: "one", guarantees: ["X-1"], arbitrary: fc.constant(1), run: () => run })
    const [failure] = Suite.check(suite, { runs: 1 }).failures
    return Report.formatFailure(failure ?? assert.fail("nothing failed"), "pnpm test one")
  }

  it("of ambient time says who used it and where, once, and nothing of the machinery", () => {
    const text = failing(Effect.sync(() => Date.now()))
    assert.strictEqual(text.match(/Date\.now was used/g)?.length, 1)
    assert.match(text, /by fiber 1 on main\..*\n.*trace\.test\.ts/)
    assert.notInclude(text, "internal/effect.ts")
  })

  it("says how many events are left out, has the command that was asked for, and no heading without events", () => {
    const many = Effect.andThen(
      Effect.forEach(Array.from({ length: 40 }), (_, n) => Effect.logInfo(`line ${n}`)),
      Check.always("X-1", false, "no")
    )
    const text = failing(many)
    assert.match(text, /…\s+26 events more/)
    assert.match(text, /SIM_REPLAY='.*' pnpm test one/)
    assert.notInclude(failing(Effect.fail("at once")), "The last events")
  })
})
