/** Scripts of servers: what they say about a call, and what they say to a reader. */
import type { Behaviour, Phase, Script } from "../../FlakyServer.ts"
import { toNanos } from "./ledger.ts"

/** The behaviour at an instant of `elapsedMillis` since the first phase began, or `afterwards` when all are over. */
const during = (phases: ReadonlyArray<Phase>, elapsedMillis: number, afterwards: Behaviour): Behaviour => {
  let endMillis = 0
  for (const { behaviour, forMillis } of phases) {
    endMillis += forMillis
    if (elapsedMillis < endMillis) return behaviour
  }
  return afterwards
}

/** How a server with this script treats its call number `index`, counted from 0. */
export const behaviourAt = (script: Script, index: number, elapsedMillis: number): Behaviour => {
  switch (script._tag) {
    case "Calls":
      return script.calls[index] ?? script.afterwards
    case "Phases":
      return during(script.phases, elapsedMillis, script.afterwards)
    case "Flap": {
      const { down, up } = script
      const periodMillis = up.forMillis + down.forMillis
      return periodMillis === 0 ? up.behaviour : during([up], elapsedMillis % periodMillis, down.behaviour)
    }
  }
}

export const behavioursOf = (script: Script): ReadonlyArray<Behaviour> => {
  switch (script._tag) {
    case "Calls":
      return [...script.calls, script.afterwards]
    case "Phases":
      return [...script.phases.map(({ behaviour }) => behaviour), script.afterwards]
    case "Flap":
      return [script.up.behaviour, script.down.behaviour]
  }
}

const phasesOf = (script: Script): ReadonlyArray<Phase> => {
  switch (script._tag) {
    case "Calls":
      return []
    case "Phases":
      return script.phases
    case "Flap":
      return [script.up, script.down]
  }
}

/** The first number in a script that is no length of time. */
export const invalidMillis = (script: Script): number | undefined =>
  [
    ...behavioursOf(script).flatMap((behaviour) =>
      behaviour._tag === "Hang" ? [] : [behaviour.latencyMillis]
    ),
    ...phasesOf(script).map(({ forMillis }) => forMillis)
  ].find((millis) => !Number.isFinite(toNanos(millis)) || millis < 0)

const after = (millis: number): string => (millis === 0 ? "at once" : `after ${millis} ms`)

const does = (behaviour: Behaviour): string => {
  switch (behaviour._tag) {
    case "Answer":
      return `answers ${after(behaviour.latencyMillis)}`
    case "Hang":
      return "hangs"
    case "Refuse":
      return `refuses ${after(behaviour.latencyMillis)}`
    case "Error": {
      const does = behaviour.commits ? "does as asked and answers" : "answers"
      return `${does} with status ${behaviour.status} ${after(behaviour.latencyMillis)}`
    }
    case "LoseReply":
      return `does as asked ${after(behaviour.latencyMillis)} and its reply is lost`
    case "Die":
      return `makes its caller die ${after(behaviour.latencyMillis)}`
    case "Uninterruptible":
      return `answers ${after(behaviour.latencyMillis)} and cannot be interrupted`
  }
}

const inPhase = ({ behaviour, forMillis }: Phase): string => `for ${forMillis} ms it ${does(behaviour)}`

export const words = (script: Script): string => {
  switch (script._tag) {
    case "Calls": {
      const calls = script.calls.map((behaviour, index) => `at call ${index + 1} it ${does(behaviour)}`)
      return [
        ...calls,
        `${calls.length === 0 ? "always" : "then it always"} ${does(script.afterwards)}`
      ].join(", ")
    }
    case "Phases": {
      const phases = script.phases.map(inPhase)
      return [
        ...phases,
        `${phases.length === 0 ? "always" : "then it always"} ${does(script.afterwards)}`
      ].join(", ")
    }
    case "Flap":
      return `in turns, ${inPhase(script.up)}, ${inPhase(script.down)}`
  }
}
