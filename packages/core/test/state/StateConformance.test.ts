/** The conformance suite against the store of this package, and against stores that are broken on purpose. */
import { assert, describe, it } from "@effect/vitest"
import { StateStore } from "@holdfast/core"
import * as StateConformance from "@holdfast/core/StateConformance"
import { Simulation } from "@holdfast/sim"
import { Cause, Effect, Exit, Layer } from "effect"
import { slowly, sound } from "./brokenKit.ts"
import { broken } from "./brokenStores.ts"

const memory: StateConformance.Subject<void> = {
  place: Effect.void,
  open: () => Layer.build(StateStore.layerMemory),
  isShared: false,
  isKept: false
}

describe("StateStore.layerMemory", () => {
  for (const { guarantees, name, run } of StateConformance.cases(memory)) {
    it.live(`${guarantees.join(", ")}: ${name}`, () => run, 60_000)
  }
})

/** In virtual time; what a case says when it fails, and what the simulation says when it does. */
const problemOf = ({ run }: StateConformance.Case, options: Simulation.Options = { level: "realistic" }) => {
  const { exit } = Simulation.run(run, options)
  return Exit.isSuccess(exit) ? undefined : Cause.squash(exit.cause)
}

describe("the processes of a machine, in a simulation", () => {
  for (const one of StateConformance.cases(sound)) {
    it(`${one.guarantees.join(", ")}: ${one.name}`, () => {
      assert.isUndefined(problemOf(one))
      for (let seed = 1; seed <= 3; seed++) assert.isUndefined(problemOf(one, { seed }))
    })
  }
})

describe("the processes of a slow machine, in a simulation", () => {
  for (const one of StateConformance.cases(slowly(sound))) {
    it(`${one.guarantees.join(", ")}: ${one.name}`, () => {
      for (let seed = 1; seed <= 2; seed++) assert.isUndefined(problemOf(one, { seed }))
    })
  }
})

describe("StateConformance", () => {
  for (const { foundBy, subject, what } of broken) {
    it(`finds a store that ${what}`, () => {
      const cases = StateConformance.cases(subject)
      const found = cases.find(({ name }) => name === foundBy)
      if (found === undefined) return assert.fail(`there is no case "${foundBy}"`)
      const problem = problemOf(found)
      assert.instanceOf(problem, StateConformance.Violation)
    })
  }

  it("leaves out the cases that a store has not the abilities for", () => {
    const names = (subject: StateConformance.Subject<never>) =>
      StateConformance.cases(subject).map(({ name }) => name)
    const few = names({ place: Effect.never, open: () => Effect.never, isShared: false, isKept: false })
    const all = StateConformance.cases(sound).map(({ name }) => name)
    assert.includeMembers(all, few)
    assert.strictEqual(new Set(all).size, all.length)
    assert.isBelow(few.length, all.length)
  })
})
