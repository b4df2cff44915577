import { assert } from "@effect/vitest"
import { type Duration, Effect, type Exit } from "effect"
import { TestClock } from "effect/testing"
import { elapsedMillis } from "./time.ts"

/** Starts an effect at once and lets the test clock move on by `letPass`; gives the fiber, ended or not. */
export const during = <A, E, R>(effect: Effect.Effect<A, E, R>, letPass: Duration.Input) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust(letPass)
    return fiber
  })

/** How an effect ended, and after how long by the test clock, which has moved on by `letPass`. */
export const timed = <A, E, R>(effect: Effect.Effect<A, E, R>, letPass: Duration.Input) =>
  Effect.gen(function* () {
    const startMillis = yield* elapsedMillis
    let ended: { readonly exit: Exit.Exit<A, E>; readonly elapsedMillis: number } | undefined
    const noting = Effect.onExit(effect, (exit) =>
      Effect.map(elapsedMillis, (now) => {
        ended = { exit, elapsedMillis: now - startMillis }
      })
    )
    yield* during(Effect.exit(noting), letPass)
    return ended ?? assert.fail(`still running after ${letPass}`)
  })
