/** The process of a writer: it becomes an owner, does its job, and ends. */

import { flushCompileCache } from "node:module"
import * as Register from "@holdfast/core/Register"
import * as Cause from "effect/Cause"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import { contestKeys } from "../contestKeys.ts"
import { listen, tell } from "./lines.ts"
import { Points } from "./points.ts"
import { ledger, registerKey } from "./state.ts"
import type { Store } from "./stores.ts"
import type { Heard, Plan } from "./Wire.ts"
import { work } from "./work.ts"

const contest = (register: Register.Register, name: string) =>
  Effect.forEach(
    contestKeys(name),
    (key) => Effect.map(register.tryAcquire(key), (isWinner) => tell({ tag: "tried", key, isWinner })),
    { discard: true }
  )

const clearOnce = (register: Register.Register, isTold: Effect.Effect<void>) =>
  Effect.andThen(isTold, register.clear).pipe(Effect.map(() => tell({ tag: "cleared" })))

const firstLine = (text: string): string => text.split("\n", 1).join("")

/** Its plan is its one argument. */
export const run = (storeOf: Store): void => {
  const plan: Plan = JSON.parse(process.argv[2] ?? "")
  const points = new Points(plan.stopAt)
  const go = Deferred.makeUnsafe<void>()
  const clear = Deferred.makeUnsafe<void>()
  const end = Deferred.makeUnsafe<void>()
  const heardOf = { go, clear, end }
  listen<Heard>((heard) => {
    if (heard.tag === "stop at") points.stopAt(heard.point)
    else Deferred.doneUnsafe(heardOf[heard.tag], Effect.void)
  })
  // Otherwise it is written at the end, which a process that is killed does not have.
  flushCompileCache()
  const program = Effect.gen(function* () {
    const register = yield* Register.make(registerKey)
    tell({ tag: "ready", ...register.owner })
    yield* Deferred.await(go)
    if (plan.job === "contest") {
      yield* contest(register, plan.name)
      tell({ tag: "done" })
      const clearing = Effect.andThen(clearOnce(register, Deferred.await(clear)), Effect.never)
      yield* Effect.raceFirst(Deferred.await(end), clearing)
    } else {
      const desk = { name: plan.name, register, ledger: yield* ledger, points }
      yield* work(desk, () => Deferred.isDoneUnsafe(end))
      tell({ tag: "done" })
    }
  }).pipe(
    Effect.scoped,
    Effect.provide(storeOf(plan, points)),
    Effect.catchCause((cause) =>
      Effect.sync(() => tell({ tag: "failed", text: firstLine(Cause.pretty(cause)) }))
    )
  )
  Effect.runCallback(program, { onExit: () => process.exit() })
}
