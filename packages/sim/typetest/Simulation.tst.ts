import { Check, Host, Simulation, type SimulationError, Suite } from "@holdfast/sim"
import { Effect, type Exit, type Scope } from "effect"
import * as fc from "fast-check"
import { describe, expect, test } from "tstyche"

interface Work {
  readonly _tag: "Work"
}
interface World {
  readonly _tag: "World"
}
declare const work: Effect.Effect<number, Work>
declare const scoped: Effect.Effect<void, never, Scope.Scope>
declare const demanding: Effect.Effect<number, Work, World>

describe("run", () => {
  test("adds what can go wrong with a run to the errors of its program", () => {
    expect(Simulation.run(work).exit).type.toBe<Exit.Exit<number, Work | SimulationError.SimulationError>>()
  })

  test("takes a program that needs nothing more", () => {
    expect(Simulation.run).type.not.toBeCallableWith(demanding)
  })

  test("asynchronously gives the same", () => {
    expect(Simulation.runPromise(work)).type.toBe<Promise<Simulation.Result<number, Work>>>()
  })
})

describe("Suite.make", () => {
  test("gives the program what the arbitrary draws", () => {
    Suite.make({
      name: "suite",
      guarantees: [],
      arbitrary: fc.record({ size: fc.nat() }),
      run: (workload) => {
        expect(workload).type.toBe<{ size: number }>()
        return Effect.void
      }
    })
  })

  test("takes no program that needs a service", () => {
    expect(Suite.make).type.not.toBeCallableWith({
      name: "suite",
      guarantees: [],
      arbitrary: fc.nat(),
      run: () => demanding
    })
  })
})

describe("Host", () => {
  test("run adds that the host is down, and lends a scope", () => {
    const onHost = Effect.flatMap(Host.make("db"), (host) => host.run(work))
    expect(onHost).type.toBe<Effect.Effect<number, Work | Host.HostDown>>()
    expect(Host.make).type.toBeCallableWith("db", scoped)
    expect(Host.make).type.not.toBeCallableWith("db", demanding)
  })
})

describe("Check", () => {
  test("oracles around an effect keep its type", () => {
    expect(Check.endsWithin("X-1", "1 second", demanding)).type.toBe<Effect.Effect<number, Work, World>>()
    expect(Check.takes("X-1", "1 second", demanding)).type.toBe<Effect.Effect<number, Work, World>>()
  })

  test("oracles of their own fail with nothing", () => {
    expect(Check.always("X-1", true, "")).type.toBe<Effect.Effect<void>>()
  })
})
