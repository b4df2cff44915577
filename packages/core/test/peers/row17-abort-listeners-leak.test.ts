/**
 * Row 17 of the defects of peer libraries: abort listeners leak.
 *
 * cockatiel: each attempt derives an AbortController from its parent's signal, and what it adds to that signal stays when
 * the attempt succeeds. A signal that lives as long as a service collects a listener, and all that it holds, for every
 * call. https://github.com/connor4312/cockatiel/issues/69 https://github.com/connor4312/cockatiel/issues/81
 */
import { getEventListeners } from "node:events"
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, Retry } from "@holdfast/core"
import { Effect, Exit, Scope } from "effect"
import * as Active from "../utils/active.ts"
import * as Timers from "../utils/timers.ts"

const calls = 10_000

const policy = Retry.policy({ attempts: 3, attemptTimeout: "1 hour", backoff: Backoff.none })

/** A platform API that takes a signal, as `fetch` does, and answers later. */
const request = (signals: Array<AbortSignal>) =>
  Effect.tryPromise((signal) => {
    signals.push(signal)
    return Promise.resolve("answer")
  })

const listeners = (signals: ReadonlyArray<AbortSignal>) =>
  signals.reduce((sum, signal) => sum + getEventListeners(signal, "abort").length, 0)

describe("row 17: after 10,000 attempts that succeeded", () => {
  it.live("DL-5: no listener, finalizer, timer or fiber is left, and no signal was aborted", () =>
    Effect.gen(function* () {
      // Given a service that lives long, under a deadline and in a scope of its own
      const signals: Array<AbortSignal> = []
      const scope = yield* Scope.make()
      // When it makes its calls
      const service = Effect.gen(function* () {
        for (let call = 0; call < calls; call++) yield* Retry.run(request(signals), policy)
      }).pipe(Deadline.within("1 day"), Effect.provideService(Scope.Scope, scope))
      let fibers = 0
      const timers = yield* Timers.left(
        Effect.map(Active.left(service), (left) => {
          fibers = left.fibers
        })
      )
      // Then each attempt had a signal of its own, and nothing hangs on any of them
      assert.strictEqual(new Set(signals).size, calls)
      assert.strictEqual(listeners(signals), 0)
      assert.isFalse(signals.some((signal) => signal.aborted))
      assert.deepStrictEqual(
        { fibers, timers, scope: scope.state._tag },
        { fibers: 0, timers: 0, scope: "Empty" }
      )
    })
  )

  it.live("DL-5: nothing is left on the deadline that all of them inherited", () =>
    Effect.gen(function* () {
      const inheriting = Deadline.within(Effect.yieldNow, "52 weeks")
      // Given a deadline that outlives its calls
      const heirs = yield* Effect.gen(function* () {
        // When each of them has waited under it
        for (let call = 0; call < calls; call++) yield* inheriting
        const deadline = yield* Deadline.Current
        return deadline === undefined ? undefined : Reflect.get(deadline, "heirs")
      }).pipe(Deadline.within("1 day"))
      // Then it knows none of them any more
      assert.instanceOf(heirs, Set)
      assert.strictEqual(heirs.size, 0)
    })
  )

  it.live("a signal that runs them all has no listener left, at the end or on the way", () =>
    Effect.gen(function* () {
      // Given the signal of a service, with which every call is run
      const controller = new AbortController()
      const signals: Array<AbortSignal> = []
      let most = 0
      const call = Retry.run(
        Effect.tap(request(signals), () =>
          Effect.sync(() => {
            most = Math.max(most, listeners([controller.signal]))
          })
        ),
        policy
      )
      // When the calls are made one after the other
      yield* Effect.promise(async () => {
        for (let i = 0; i < calls; i++) {
          const exit = await Effect.runPromiseExit(call, { signal: controller.signal })
          assert.isTrue(Exit.isSuccess(exit))
        }
      })
      // Then it never had the listeners of more than one
      assert.strictEqual(most, 1)
      assert.strictEqual(listeners([controller.signal]), 0)
    })
  )
})
