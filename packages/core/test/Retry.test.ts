import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, InvalidOptions, Retry, type RetryBudget } from "@holdfast/core"
import {
  Cause,
  Config,
  ConfigProvider,
  Data,
  DateTime,
  Duration,
  Effect,
  Exit,
  Fiber,
  Latch,
  Metric,
  Random,
  Schedule,
  Schema
} from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import * as Active from "./utils/active.ts"
import { during, timed } from "./utils/run.ts"
import { elapsedMillis } from "./utils/time.ts"
import * as Timers from "./utils/timers.ts"

/** An attempt that fails at once, with its own number. */
const failing = Effect.flatMap(Retry.CurrentAttempt, (attempt) => Effect.fail(attempt))

/** Notes when each attempt starts. */
const noting = <A, E, R>(attempt: Effect.Effect<A, E, R>) => {
  const starts: Array<number> = []
  const noted = Effect.andThen(
    Effect.map(elapsedMillis, (now) => starts.push(now)),
    attempt
  )
  return { noted, starts }
}

const everySecond = Backoff.constant("1 second")

/** Every draw of chance is this one: near 1, the bound of every delay. */
const withChance =
  (chance: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) =>
    Effect.provideService(effect, Random.Random, { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => chance })
const almostOne = 1 - 2 ** -53

const millis = (duration: Duration.Duration) => Duration.toMillis(duration)

/** What only JavaScript, or a cast, can pass. */
const untyped = (input: unknown) => Schema.decodeUnknownSync(Schema.Any)(input)

const optionOf = (build: () => unknown): string => {
  try {
    return `accepted: ${build()}`
  } catch (error) {
    if (error instanceof InvalidOptions) return `${error.module}.${error.option}`
    throw error
  }
}

describe("Retry", () => {
  describe("attempts", () => {
    for (const attempts of [1, 2, 5]) {
      it.effect(`RT-1: attempts is the total: ${attempts} fail, and the last error comes out`, () =>
        Effect.gen(function* () {
          const { noted, starts } = noting(failing)
          const policy = Retry.policy({ attempts, backoff: Backoff.none })
          assert.strictEqual(yield* Effect.flip(Retry.run(noted, policy)), attempts)
          assert.strictEqual(starts.length, attempts)
        })
      )
    }

    it.effect("RT-1: there is a delay between attempts, and none after the last", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        const policy = Retry.policy({ attempts: 3, backoff: everySecond })
        const { elapsedMillis } = yield* timed(Retry.run(noted, policy), "1 minute")
        assert.deepStrictEqual(starts, [0, 1000, 2000])
        assert.strictEqual(elapsedMillis, 2000)
      })
    )

    it.effect("RT-1: a success ends the call at once", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(
          Effect.flatMap(Retry.CurrentAttempt, (attempt) =>
            attempt === 2 ? Effect.succeed("up") : Effect.fail("down")
          )
        )
        const policy = Retry.policy({ attempts: 5, backoff: everySecond })
        const { elapsedMillis, exit } = yield* timed(Retry.run(noted, policy), "1 minute")
        assert.deepStrictEqual(exit, Exit.succeed("up"))
        assert.deepStrictEqual([starts.length, elapsedMillis], [2, 1000])
      })
    )

    it.effect("RT-1: detailed gives every attempt with its times and its cause", () =>
      Effect.gen(function* () {
        const attempt = Effect.flatMap(Retry.CurrentAttempt, (attempt) =>
          Effect.andThen(
            Effect.sleep(100 * attempt),
            attempt === 3 ? Effect.succeed("up") : Effect.fail(attempt)
          )
        )
        const policy = Retry.policy({ attempts: 5, backoff: everySecond })
        const { exit } = yield* timed(Retry.detailed(attempt, policy), "1 minute")
        assert.deepStrictEqual(
          exit,
          Exit.succeed({
            exit: Exit.succeed("up"),
            attempts: [
              { attempt: 1, startedAfterMillis: 0, durationMillis: 100, cause: Cause.fail(1) },
              { attempt: 2, startedAfterMillis: 1100, durationMillis: 200, cause: Cause.fail(2) },
              { attempt: 3, startedAfterMillis: 2300, durationMillis: 300, cause: undefined }
            ],
            elapsedMillis: 2600,
            stop: "Succeeded"
          })
        )
      })
    )

    it.effect("without a bound it goes on until it succeeds", () =>
      Effect.gen(function* () {
        const flaky = Effect.flatMap(Retry.CurrentAttempt, (attempt) =>
          attempt === 1000 ? Effect.succeed("up") : Effect.fail("down")
        )
        const policy = Retry.policy({ attempts: Infinity, backoff: Backoff.none })
        assert.strictEqual(yield* Retry.run(flaky, policy), "up")
      })
    )

    it.effect("a call is an effect: each run begins with the first attempt", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        const call = Effect.flip(Retry.run(noted, Retry.policy({ attempts: 2, backoff: Backoff.none })))
        assert.deepStrictEqual(yield* Effect.all([call, call], { concurrency: 2 }), [2, 2])
        assert.strictEqual(starts.length, 4)
      })
    )

    it.effect("an error that is undefined is an error like others", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(Effect.fail(undefined))
        const call = Retry.run(noted, Retry.policy({ attempts: 3, backoff: Backoff.none }))
        assert.deepStrictEqual(yield* Effect.exit(call), Exit.fail(undefined))
        assert.strictEqual(starts.length, 3)
      })
    )

    it.effect("once is an effect as it is", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        assert.strictEqual(yield* Effect.flip(Retry.run(noted, Retry.once)), 1)
        assert.strictEqual(starts.length, 1)
      })
    )

    it.effect("data-first and data-last are the same", () =>
      Effect.gen(function* () {
        const twice = Retry.policy({ attempts: 2, backoff: Backoff.none })
        const first = yield* Retry.detailed(failing, twice, { label: "x" })
        const last = yield* failing.pipe(Retry.detailed(twice, { label: "x" }))
        assert.deepStrictEqual(first, last)
        assert.strictEqual(yield* Effect.flip(failing.pipe(Retry.run(twice))), 2)
      })
    )
  })

  describe("stop", () => {
    const stopOf = <A, E>(call: Effect.Effect<Retry.Detailed<A, E>>) =>
      Effect.map(call, ({ attempts, elapsedMillis, stop }) => ({
        stop,
        attempts: attempts.length,
        elapsedMillis
      }))
    const patient = Retry.policy({ attempts: 5, backoff: everySecond })

    it.effect("RT-1: Succeeded, when an attempt did", () =>
      Effect.gen(function* () {
        const ended = yield* stopOf(Retry.detailed(Effect.succeed(1), patient))
        assert.deepStrictEqual(ended, { stop: "Succeeded", attempts: 1, elapsedMillis: 0 })
      })
    )

    it.effect("RT-1: Attempts, when all were made", () =>
      Effect.gen(function* () {
        const fiber = yield* during(stopOf(Retry.detailed(failing, patient)), "4 seconds")
        assert.deepStrictEqual(yield* Fiber.join(fiber), {
          stop: "Attempts",
          attempts: 5,
          elapsedMillis: 4000
        })
      })
    )

    it.effect("RT-1: While, when the error is not worth another attempt", () =>
      Effect.gen(function* () {
        const policy = Retry.policy({ ...patient, while: (error: number) => error < 3 })
        const fiber = yield* during(stopOf(Retry.detailed(failing, policy)), "2 seconds")
        assert.deepStrictEqual(yield* Fiber.join(fiber), { stop: "While", attempts: 3, elapsedMillis: 2000 })
      })
    )

    it.effect("RT-1: Schedule, when the backoff is a schedule that has ended", () =>
      Effect.gen(function* () {
        const policy = Retry.policy({ attempts: 5, backoff: Schedule.recurs(1) })
        const ended = yield* stopOf(Retry.detailed(failing, policy))
        assert.deepStrictEqual(ended, { stop: "Schedule", attempts: 2, elapsedMillis: 0 })
      })
    )

    it.effect("RT-1, RT-3: Deadline, when the next attempt cannot start in time", () =>
      Effect.gen(function* () {
        const call = Deadline.within(stopOf(Retry.detailed(failing, patient)), "2500 millis")
        const fiber = yield* during(call, "2 seconds")
        assert.deepStrictEqual(yield* Fiber.join(fiber), {
          stop: "Deadline",
          attempts: 3,
          elapsedMillis: 2000
        })
      })
    )

    it.effect("RT-1, RT-6: Budget, when it is used up", () =>
      Effect.gen(function* () {
        const { budget } = fakeBudget([true, false])
        const fiber = yield* during(stopOf(Retry.detailed(failing, { ...patient, budget })), "1 second")
        assert.deepStrictEqual(yield* Fiber.join(fiber), { stop: "Budget", attempts: 2, elapsedMillis: 1000 })
      })
    )

    it.effect("RT-1: Defect, when an attempt died", () =>
      Effect.gen(function* () {
        const { attempts, exit, stop } = yield* Retry.detailed(Effect.die("bug"), patient)
        assert.deepStrictEqual(exit, Exit.die("bug"))
        assert.deepStrictEqual(attempts[0]?.cause, Cause.die("bug"))
        assert.deepStrictEqual([stop, attempts.length], ["Defect", 1])
      })
    )
  })

  describe("while", () => {
    class Refused extends Data.TaggedError("Refused") {}
    class Busy extends Data.TaggedError("Busy") {}

    it.effect("an error that it refuses ends the call, without a delay", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(
          Effect.flatMap(Retry.CurrentAttempt, (attempt) =>
            Effect.fail(attempt < 3 ? new Busy() : new Refused())
          )
        )
        const patient = Retry.policy({ attempts: 9, backoff: everySecond })
        const call = Retry.run(noted, { ...patient, while: (error) => error._tag === "Busy" })
        const { elapsedMillis, exit } = yield* timed(call, "1 minute")
        assert.isTrue(Exit.isFailure(exit) && Cause.squash(exit.cause) instanceof Refused)
        assert.deepStrictEqual([starts.length, elapsedMillis], [3, 2000])
      })
    )

    it.effect("it is asked only while an attempt is left", () =>
      Effect.gen(function* () {
        const seen: Array<number> = []
        const policy = Retry.policy({
          attempts: 3,
          backoff: Backoff.none,
          while: (error: number) => {
            seen.push(error)
            return true
          }
        })
        yield* Effect.flip(Retry.run(failing, policy))
        assert.deepStrictEqual(seen, [1, 2])
      })
    )

    it.effect("isAttemptTimeout repeats calls that ran out of time, and nothing else", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(
          Effect.flatMap(Retry.CurrentAttempt, (attempt) =>
            attempt === 1 ? Effect.never : Effect.fail("refused")
          )
        )
        const policy = Retry.policy({ attempts: 3, attemptTimeout: "1 second", backoff: Backoff.none })
        const call = Retry.run(noted, { ...policy, while: Retry.isAttemptTimeout })
        const { exit } = yield* timed(call, "1 minute")
        assert.deepStrictEqual(exit, Exit.fail("refused"))
        assert.deepStrictEqual(starts, [0, 1000])
      })
    )

    it.effect("of several errors at once the first decides", () =>
      Effect.gen(function* () {
        const both = Cause.combine(Cause.fail("first"), Cause.fail("second"))
        const seen: Array<string> = []
        const policy = Retry.policy({
          attempts: 3,
          while: (error: string) => {
            seen.push(error)
            return false
          }
        })
        assert.deepStrictEqual(
          yield* Effect.exit(Retry.run(Effect.failCause(both), policy)),
          Exit.failCause(both)
        )
        assert.deepStrictEqual(seen, ["first"])
      })
    )

    it.effect("a predicate that throws is a defect", () =>
      Effect.gen(function* () {
        const policy = Retry.policy({
          attempts: 3,
          while: () => {
            throw new Error("bug")
          }
        })
        const exit = yield* Effect.exit(Retry.run(failing, policy))
        assert.isTrue(Exit.hasDies(exit))
      })
    )
  })

  describe("defects", () => {
    const patient = Retry.policy({ attempts: 5, backoff: Backoff.none })
    const causes: ReadonlyArray<readonly [string, Cause.Cause<string>]> = [
      ["a defect", Cause.die("bug")],
      ["an error together with a defect", Cause.combine(Cause.fail("down"), Cause.die("bug"))],
      ["an interruption from inside", Cause.interrupt(1)],
      ["an error together with an interruption", Cause.combine(Cause.fail("down"), Cause.interrupt(1))],
      ["a cause without a reason", Cause.empty]
    ]
    for (const [name, cause] of causes) {
      it.effect(`${name} is not retried, and comes out unchanged`, () =>
        Effect.gen(function* () {
          const { noted, starts } = noting(Effect.failCause(cause))
          assert.deepStrictEqual(yield* Effect.exit(Retry.run(noted, patient)), Exit.failCause(cause))
          assert.strictEqual(starts.length, 1)
        })
      )
    }

    it.effect("detailed leaves an interruption an interruption", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(Retry.detailed(Effect.interrupt, patient))
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      })
    )
  })

  describe("attemptTimeout", () => {
    const second = Retry.policy({ attempts: 2, attemptTimeout: "1 second", backoff: Backoff.none })

    it.effect("an attempt that runs out of time fails with AttemptTimeout, which tells the numbers", () =>
      Effect.gen(function* () {
        const { exit } = yield* timed(Retry.run(Effect.never, second, { label: "quote" }), "2 seconds")
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        assert.instanceOf(error, Retry.AttemptTimeout)
        const { attempt, elapsedMillis, label, timeoutMillis } = error
        assert.deepStrictEqual(
          { attempt, elapsedMillis, label, timeoutMillis },
          { attempt: 2, elapsedMillis: 1000, label: "quote", timeoutMillis: 1000 }
        )
        assert.include(error.message, "quote")
        assert.isTrue(Retry.isAttemptTimeout(error))
        assert.isFalse(Retry.isAttemptTimeout({ ...error }))
      })
    )

    it.effect("without a label the call is called call", () =>
      Effect.gen(function* () {
        const { exit } = yield* timed(Effect.flip(Retry.run(Effect.never, second)), "2 seconds")
        assert.strictEqual(Exit.isSuccess(exit) ? exit.value.label : "", "call")
      })
    )

    it.effect("each attempt has the whole of it", () =>
      Effect.gen(function* () {
        const slow = Effect.flatMap(Retry.CurrentAttempt, (attempt) =>
          attempt === 1 ? Effect.never : Effect.as(Effect.sleep(999), "in time")
        )
        const { elapsedMillis, exit } = yield* timed(Retry.run(slow, second), "1 minute")
        assert.deepStrictEqual(exit, Exit.succeed("in time"))
        assert.strictEqual(elapsedMillis, 1999)
      })
    )

    it.effect("an attempt that ends at the very instant has ended in time", () =>
      Effect.gen(function* () {
        const { exit } = yield* timed(Retry.run(Effect.as(Effect.sleep(1000), "done"), second), "1 second")
        assert.deepStrictEqual(exit, Exit.succeed("done"))
      })
    )

    it.effect("an attempt that cannot be interrupted is abandoned and listed, and the next one starts", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(Effect.uninterruptible(Effect.sleep("5 seconds")))
        const fiber = yield* during(Retry.run(noted, second, { label: "stubborn" }), 1500)
        assert.deepStrictEqual(starts, [0, 1000])
        assert.deepStrictEqual(yield* Deadline.abandoned, [{ label: "stubborn", sinceMillis: 1000 }])
        yield* TestClock.adjust(500)
        assert.isDefined(fiber.pollUnsafe())
        assert.strictEqual((yield* Deadline.abandoned).length, 2)
        yield* TestClock.adjust("4 seconds")
        assert.deepStrictEqual(yield* Deadline.abandoned, [])
      })
    )

    it.effect("an attempt that dies after its time-out has lost: the defect is not that of the call", () =>
      Effect.gen(function* () {
        const dying = Effect.flatMap(Retry.CurrentAttempt, (attempt) =>
          attempt === 1
            ? Effect.uninterruptible(Effect.andThen(Effect.sleep(1200), Effect.die("late")))
            : Effect.as(Effect.sleep(500), "up")
        )
        const { exit } = yield* timed(Retry.run(dying, second), "1 minute")
        assert.deepStrictEqual(exit, Exit.succeed("up"))
        assert.deepStrictEqual(yield* Deadline.abandoned, [])
      })
    )

    it.effect("an attempt whose finalizer dies when it is interrupted has lost too", () =>
      Effect.gen(function* () {
        const dying = Effect.ensuring(Effect.never, Effect.die("late"))
        const { exit } = yield* timed(Effect.flip(Retry.run(dying, second)), "1 minute")
        assert.isTrue(Exit.isSuccess(exit) && Retry.isAttemptTimeout(exit.value))
      })
    )

    it.effect("a deadline further in that inherits the limit of the attempt is an AttemptTimeout", () =>
      Effect.gen(function* () {
        const inner = Deadline.within(Effect.never, "1 minute", { label: "inner" })
        const seen: Array<unknown> = []
        const watched = Effect.tapError(inner, (error) => Effect.sync(() => seen.push(error)))
        const { exit } = yield* timed(
          Retry.detailed(watched, { ...second, while: Retry.isAttemptTimeout }, { label: "outer" }),
          "1 minute"
        )
        assert.isTrue(Exit.isSuccess(exit))
        if (Exit.isFailure(exit)) return
        const { attempts, elapsedMillis, stop } = exit.value
        assert.deepStrictEqual([attempts.length, elapsedMillis, stop], [2, 2000, "Attempts"])
        for (const { cause } of attempts) {
          assert.isTrue(cause !== undefined && Retry.isAttemptTimeout(Cause.squash(cause)))
        }
        for (const error of seen) {
          assert.isTrue(
            error instanceof Deadline.DeadlineExceeded && error.inherited && error.label === "outer"
          )
        }
        assert.strictEqual(seen.length, 2)
      })
    )

    it.effect("a deadline further in of its own stays what it is", () =>
      Effect.gen(function* () {
        const inner = Deadline.within(Effect.never, 400, { label: "inner" })
        const { exit } = yield* timed(Effect.flip(Retry.run(inner, second)), "1 minute")
        assert.isTrue(Exit.isSuccess(exit))
        if (Exit.isFailure(exit)) return
        assert.isTrue(exit.value._tag === "DeadlineExceeded" && !exit.value.inherited)
      })
    )

    for (const attemptTimeout of [0, -1, "-1 second"] as const) {
      it.effect(`a time-out of ${attemptTimeout} starts no attempt`, () =>
        Effect.gen(function* () {
          const { noted, starts } = noting(Effect.void)
          const policy = Retry.policy({ attempts: 2, attemptTimeout, backoff: Backoff.none })
          assert.isTrue(Retry.isAttemptTimeout(yield* Effect.flip(Retry.run(noted, policy))))
          assert.strictEqual(starts.length, 0)
        })
      )
    }

    it.effect("an infinite one is no bound", () =>
      Effect.gen(function* () {
        const policy = Retry.policy({ attempts: 2, attemptTimeout: "Infinity" })
        const { exit } = yield* timed(Retry.run(Effect.as(Effect.sleep("30 days"), 1), policy), "30 days")
        assert.deepStrictEqual(exit, Exit.succeed(1))
      })
    )

    it.effect("attempts that ran out of time are counted", () =>
      Effect.gen(function* () {
        const counter = Metric.counter("holdfast_deadline_exceeded", {
          description: "Deadlines and attempt time-outs that fired",
          incremental: true
        })
        const before = (yield* Metric.value(counter)).count
        yield* timed(Effect.flip(Retry.run(Effect.never, second)), "1 minute")
        assert.strictEqual((yield* Metric.value(counter)).count, before + 2)
      })
    )

    it.live("on the live clock, a success leaves no timer and no fiber", () =>
      Effect.gen(function* () {
        const policy = Retry.policy({ attempts: 3, attemptTimeout: "1 hour", backoff: Backoff.none })
        const flaky = Effect.flatMap(Retry.CurrentAttempt, (attempt) =>
          attempt === 3 ? Effect.yieldNow : Effect.andThen(Effect.yieldNow, Effect.fail("down"))
        )
        const { fibers } = yield* Active.left(Retry.run(flaky, policy))
        const timers = yield* Timers.left(Retry.run(flaky, policy))
        assert.deepStrictEqual({ fibers, timers }, { fibers: 0, timers: 0 })
      })
    )
  })

  describe("worstCase", () => {
    const policies = {
      push: Retry.policy({ attempts: 3, attemptTimeout: "8 seconds", backoff: Backoff.constant("1 second") }),
      check: Retry.policy({
        attempts: 3,
        attemptTimeout: "5 seconds",
        backoff: Backoff.constant("1 second")
      }),
      list: Retry.policy({
        attempts: 2,
        attemptTimeout: "10 seconds",
        backoff: Backoff.constant("1 second")
      }),
      historical: Retry.policy({
        attempts: 11,
        attemptTimeout: "10 seconds",
        backoff: Backoff.constant("3 seconds")
      })
    }
    const expected = { push: 26_000, check: 17_000, list: 21_000, historical: 140_000 }

    for (const name of ["push", "check", "list", "historical"] as const) {
      it.effect(`RT-2: ${name} takes ${expected[name] / 1000} s at worst, and that is reached`, () =>
        Effect.gen(function* () {
          assert.strictEqual(millis(Retry.worstCase(policies[name])), expected[name])
          const { elapsedMillis, exit } = yield* timed(Retry.run(Effect.never, policies[name]), "1 hour")
          assert.isTrue(Exit.isFailure(exit))
          assert.strictEqual(elapsedMillis, expected[name])
        })
      )
    }

    it("RT-2: no run of any policy takes longer", () =>
      fc.assert(
        fc.asyncProperty(anyPolicy, anyHistory, (policy, history) =>
          onTestClock(
            Effect.gen(function* () {
              const { elapsedMillis } = yield* timed(Retry.run(acting(history), policy), "1 hour")
              assert.isAtMost(elapsedMillis, millis(Retry.worstCase(policy)) + rounding)
            }).pipe(Random.withSeed(JSON.stringify(history)))
          )
        ),
        { numRuns: 200 }
      ))

    it("RT-2: it is reached when every attempt times out and chance draws the bound of every delay", () =>
      fc.assert(
        fc.asyncProperty(anyPolicy, (policy) =>
          onTestClock(
            Effect.gen(function* () {
              const { elapsedMillis } = yield* timed(Retry.run(Effect.never, greediest(policy)), "1 hour")
              assert.approximately(elapsedMillis, millis(Retry.worstCase(policy)), rounding)
            }).pipe(withChance(almostOne))
          )
        ),
        { numRuns: 100 }
      ))

    it("RT-2, RT-7: with hints it is the sum of the longer of each delay and the longest hint", () => {
      fc.assert(
        fc.property(
          anyBackoff,
          fc.integer({ min: 1, max: 40 }),
          fc.nat(40_000),
          (backoff, attempts, hint) => {
            const policy = Retry.policy({
              attempts,
              attemptTimeout: 10,
              backoff,
              maxRetryAfter: hint,
              retryAfter: () => undefined
            })
            let sum = 10 * attempts
            for (let attempt = 1; attempt < attempts; attempt++) {
              sum += Math.max(millis(Backoff.bounds(backoff, attempt).max), hint)
            }
            assert.approximately(millis(Retry.worstCase(policy)), sum, rounding)
          }
        )
      )
    })

    it("RT-2: it is known at once for a billion attempts, hints or not", () => {
      const backoff = Backoff.exponential({ base: "1 second", cap: "30 seconds" })
      const plain = Retry.policy({ attempts: 1e9, attemptTimeout: "1 second", backoff })
      const hinted = Retry.policy({ ...plain, maxRetryAfter: "20 seconds", retryAfter: () => undefined })
      // Delays of 1, 2, 4, 8 and 16 seconds, then 30 each.
      assert.strictEqual(millis(Retry.worstCase(plain)), (1e9 + 31 + 30 * (1e9 - 6)) * 1000)
      assert.strictEqual(millis(Retry.worstCase(hinted)), (1e9 + 5 * 20 + 30 * (1e9 - 6)) * 1000)
    })

    it("one attempt has no delay, whatever the backoff", () => {
      for (const backoff of [Backoff.constant("1 hour"), Schedule.forever]) {
        const policy = Retry.policy({
          attempts: 1,
          attemptTimeout: "2 seconds",
          backoff,
          maxRetryAfter: "Infinity",
          retryAfter: () => undefined
        })
        assert.strictEqual(millis(Retry.worstCase(policy)), 2000)
        assert.deepStrictEqual(Retry.unbounded(policy), [])
      }
    })

    it("a negative time-out counts as none at all", () => {
      const policy = Retry.policy({ attempts: 3, attemptTimeout: "-1 second", backoff: everySecond })
      assert.strictEqual(millis(Retry.worstCase(policy)), 2000)
    })

    for (const attempts of [0, -1, 1.5, Number.NaN]) {
      it(`RT-2: the worst case of a policy that was spread to ${attempts} attempts is refused by name`, () => {
        const bad = { ...policies.push, attempts }
        for (const ask of [Retry.worstCase, Retry.unbounded]) {
          assert.throws(() => ask(bad), InvalidOptions, 'Retry: the option "attempts"')
        }
      })
    }

    for (const [name, broken] of Object.entries({
      while: {
        while: (): boolean => {
          throw new Error("bug")
        }
      },
      retryAfter: {
        retryAfter: (): undefined => {
          throw new Error("bug")
        }
      }
    })) {
      it.effect(`RT-1: detailed tells the attempts that were made, also when ${name} dies`, () =>
        Effect.gen(function* () {
          const { attempts, exit } = yield* Retry.detailed(Effect.fail("down"), {
            ...policies.push,
            ...broken
          })
          assert.strictEqual(attempts.length, 1)
          assert.isTrue(Exit.isFailure(exit))
        })
      )
    }

    it("unbounded names what is open, and exactly then the worst case is infinite", () => {
      const retryAfter = () => undefined
      const cases: ReadonlyArray<readonly [Retry.Policy<never>, ReadonlyArray<Retry.Unbounded>]> = [
        [policies.push, []],
        [Retry.once, ["attemptTimeout"]],
        [Retry.policy({ attempts: 2, attemptTimeout: "Infinity" }), ["attemptTimeout"]],
        [Retry.policy({ attempts: Infinity, attemptTimeout: 1 }), ["attempts"]],
        [Retry.policy({ attempts: 2, attemptTimeout: 1, backoff: Schedule.recurs(3) }), ["schedule"]],
        [{ ...policies.push, maxRetryAfter: Duration.infinity }, ["maxRetryAfter"]],
        [{ ...policies.push, maxRetryAfter: Duration.infinity, retryAfter }, ["maxRetryAfter"]],
        [{ ...policies.push, retryAfter }, []],
        [
          Retry.policy({
            attempts: Infinity,
            backoff: Schedule.forever,
            maxRetryAfter: "Infinity",
            retryAfter
          }),
          ["attempts", "attemptTimeout", "schedule", "maxRetryAfter"]
        ]
      ]
      for (const [policy, reasons] of cases) {
        assert.deepStrictEqual(Retry.unbounded(policy), reasons)
        assert.strictEqual(Duration.isFinite(Retry.worstCase(policy)), reasons.length === 0)
      }
    })
  })

  describe("the ambient deadline", () => {
    const patient = Retry.policy({ attempts: 9, backoff: everySecond })

    it.effect(
      "RT-3: a call gives up at once when its next attempt cannot start in time, with its own error",
      () =>
        Effect.gen(function* () {
          const { elapsedMillis, exit } = yield* timed(
            Deadline.within(Retry.run(failing, patient), "999 millis"),
            "1 minute"
          )
          assert.deepStrictEqual(exit, Exit.fail(1))
          assert.strictEqual(elapsedMillis, 0)
        })
    )

    it.effect("RT-3: an attempt that would start at the very instant is too late", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        const call = Deadline.within(Retry.run(noted, patient), "2 seconds")
        const { elapsedMillis, exit } = yield* timed(call, "1 minute")
        assert.deepStrictEqual(exit, Exit.fail(2))
        assert.deepStrictEqual([starts, elapsedMillis], [[0, 1000], 1000])
      })
    )

    it.effect("RT-3: an attempt that starts a moment before it is made", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        yield* timed(Deadline.within(Retry.run(noted, patient), "2001 millis"), "1 minute")
        assert.deepStrictEqual(starts, [0, 1000, 2000])
      })
    )

    it.effect("RT-3: a delay without an end is not begun", () =>
      Effect.gen(function* () {
        const policy = Retry.policy({
          attempts: 2,
          maxRetryAfter: "Infinity",
          retryAfter: () => Duration.infinity
        })
        const { elapsedMillis, exit } = yield* timed(
          Deadline.within(Retry.run(failing, policy), "1 hour"),
          "1 hour"
        )
        assert.deepStrictEqual([exit, elapsedMillis], [Exit.fail(1), 0])
      })
    )

    for (const [name, hint] of [
      ["work that cannot be interrupted makes no further attempt either", undefined],
      ["nor does it for a hint that lies in the past", "-1 hour"]
    ] as const) {
      it.effect(`RT-3: past the deadline, ${name}`, () =>
        Effect.gen(function* () {
          const { noted, starts } = noting(Effect.andThen(Effect.sleep("3 seconds"), Effect.fail("down")))
          const policy = Retry.policy({ attempts: 9, backoff: Backoff.none, retryAfter: () => hint })
          yield* timed(
            Deadline.within(Effect.uninterruptible(Retry.run(noted, policy)), "2 seconds"),
            "1 minute"
          )
          assert.deepStrictEqual(starts, [0])
        })
      )
    }

    it.effect("past the deadline, an attempt that cannot be interrupted still has its own time-out", () =>
      Effect.gen(function* () {
        const ends: Array<readonly [string, number]> = []
        const policy = Retry.policy({ attempts: 9, attemptTimeout: "5 seconds", backoff: Backoff.none })
        const call = Retry.run(Effect.never, policy).pipe(
          Effect.tapError((error) => Effect.map(elapsedMillis, (now) => ends.push([error._tag, now]))),
          Effect.uninterruptible
        )
        yield* timed(Deadline.within(call, "1 second"), "1 minute")
        assert.deepStrictEqual(ends, [["AttemptTimeout", 5000]])
      })
    )

    it.effect("the attempt in flight is cut off with DeadlineExceeded", () =>
      Effect.gen(function* () {
        const slow = Effect.andThen(Effect.sleep(700), Effect.fail("down"))
        const call = Deadline.within(Retry.run(slow, patient), "2 seconds", { label: "all" })
        const { elapsedMillis, exit } = yield* timed(Effect.flip(call), "1 minute")
        assert.strictEqual(elapsedMillis, 2000)
        assert.isTrue(Exit.isSuccess(exit) && exit.value instanceof Deadline.DeadlineExceeded)
      })
    )

    it.effect("an attempt sees the nearer of its time-out and the ambient deadline", () =>
      Effect.gen(function* () {
        const left: Array<number> = []
        const attempt = Effect.flatMap(Deadline.remaining, (remaining) => {
          left.push(millis(remaining))
          return Effect.fail("down")
        })
        const policy = Retry.policy({ attempts: 3, attemptTimeout: "1500 millis", backoff: everySecond })
        yield* timed(Deadline.within(Retry.run(attempt, policy), "2200 millis"), "1 minute")
        assert.deepStrictEqual(left, [1500, 1200, 200])
      })
    )

    it.effect("a shielded call knows no deadline", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        const call = Effect.uninterruptible(Deadline.shield(Retry.run(noted, { ...patient, attempts: 3 })))
        yield* timed(Deadline.within(call, 500), "1 minute")
        assert.deepStrictEqual(starts, [0, 1000, 2000])
      })
    )
  })

  describe("interruption", () => {
    const patient = Retry.policy({ attempts: 9, attemptTimeout: "5 seconds", backoff: everySecond })

    it.effect("RT-4: during a delay it ends the call at once, and no further attempt is made", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        const fiber = yield* during(Retry.run(noted, patient), 1500)
        fiber.interruptUnsafe()
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
        assert.strictEqual(yield* elapsedMillis, 1500)
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(starts, [0, 1000])
      })
    )

    it.live("RT-4: during a delay on the live clock too, and neither a timer nor a fiber is left", () =>
      Effect.gen(function* () {
        const attempted = yield* Latch.make()
        const policy = Retry.policy({ attempts: 2, backoff: Backoff.constant("1 hour") })
        const call = Retry.run(Effect.andThen(attempted.open, Effect.fail("down")), policy)
        const program = Effect.gen(function* () {
          yield* attempted.close
          const fiber = yield* Effect.forkChild(call)
          yield* attempted.await
          yield* Fiber.interrupt(fiber)
        })
        const { fibers } = yield* Active.left(program)
        const timers = yield* Timers.left(program)
        assert.deepStrictEqual({ fibers, timers }, { fibers: 0, timers: 0 })
      })
    )

    it.effect(
      "RT-4: during an attempt it interrupts the attempt, waits for its finalizers, and ends the call",
      () =>
        Effect.gen(function* () {
          let released = false
          const { noted, starts } = noting(
            Effect.ensuring(
              Effect.never,
              Effect.andThen(
                Effect.sleep(100),
                Effect.sync(() => {
                  released = true
                })
              )
            )
          )
          const fiber = yield* during(Retry.run(noted, patient), 1000)
          fiber.interruptUnsafe()
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust(100)
          const exit = fiber.pollUnsafe()
          assert.isTrue(exit !== undefined && Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
          assert.isTrue(released)
          yield* TestClock.adjust("1 minute")
          assert.deepStrictEqual(starts, [0])
        })
    )

    it.effect(
      "RT-4: an attempt that cannot be interrupted holds the call until its time-out, not longer",
      () =>
        Effect.gen(function* () {
          const { noted, starts } = noting(Effect.uninterruptible(Effect.sleep("1 minute")))
          const fiber = yield* during(Retry.run(noted, patient, { label: "stubborn" }), 1000)
          fiber.interruptUnsafe()
          yield* TestClock.adjust(3999)
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust(1)
          assert.isDefined(fiber.pollUnsafe())
          assert.deepStrictEqual(
            (yield* Deadline.abandoned).map(({ label }) => label),
            ["stubborn"]
          )
          yield* TestClock.adjust("1 hour")
          assert.deepStrictEqual(starts, [0])
        })
    )

    it.effect("RT-4: before the first attempt, none is made", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        const fiber = yield* Effect.forkChild(Retry.run(noted, patient))
        fiber.interruptUnsafe()
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.await(fiber)))
        assert.deepStrictEqual(starts, [])
      })
    )

    it.effect("RT-4: while the budget is asked, no further attempt is made", () =>
      Effect.gen(function* () {
        const { budget } = fakeBudget([])
        const { noted, starts } = noting(failing)
        const slow: RetryBudget.RetryBudget = { ...budget, withdraw: Effect.never }
        const fiber = yield* during(Retry.run(noted, { ...patient, budget: slow }), 0)
        yield* Fiber.interrupt(fiber)
        assert.deepStrictEqual(starts, [0])
      })
    )
  })

  describe("hints", () => {
    const start = 1_795_305_600_000

    /** When the second attempt starts, in milliseconds after the first. */
    const secondAfter = (
      hint: Duration.Input | DateTime.Utc | undefined,
      options: { readonly maxRetryAfter?: Duration.Input; readonly backoff?: Backoff.Input }
    ) =>
      Effect.gen(function* () {
        yield* TestClock.setTime(start)
        const { noted, starts } = noting(Effect.fail("busy"))
        const policy = Retry.policy({ attempts: 2, backoff: everySecond, ...options, retryAfter: () => hint })
        yield* timed(Effect.exit(Retry.run(noted, policy)), "1 day")
        return (starts[1] ?? Infinity) - (starts[0] ?? 0)
      })
    const inSeconds = (seconds: number) => DateTime.makeUnsafe(start + seconds * 1000)

    const minute = { maxRetryAfter: "1 minute" } as const
    const cases: ReadonlyArray<
      readonly [string, Duration.Input | DateTime.Utc | undefined, Parameters<typeof secondAfter>[1], number]
    > = [
      ["a hint in seconds is the delay, exactly", "7 seconds", minute, 7000],
      ["so is a shorter one than the backoff", "200 millis", minute, 200],
      ["a date is the delay until then", inSeconds(9), minute, 9000],
      ["a hint over maxRetryAfter is that", "2 minutes", minute, 60_000],
      ["a date over maxRetryAfter is that", inSeconds(3600), minute, 60_000],
      ["a hint without an end is maxRetryAfter", "Infinity", minute, 60_000],
      ["without maxRetryAfter, the bound of the backoff is the most", "7 seconds", {}, 1000],
      ["and less is honoured", "300 millis", {}, 300],
      [
        "a maxRetryAfter below the backoff bounds hints only",
        "7 seconds",
        { maxRetryAfter: "100 millis" },
        100
      ],
      ["a maxRetryAfter of zero means at once", "7 seconds", { maxRetryAfter: 0 }, 0],
      ["a hint of zero means at once", 0, minute, 0],
      ["a negative hint means at once", -5, minute, 0],
      ["a date in the past means at once", inSeconds(-3600), minute, 0],
      ["no hint leaves it to the backoff", undefined, minute, 1000],
      ["NaN is no hint", NaN, minute, 1000],
      ["a hint that cannot be read is none", untyped("soon"), minute, 1000],
      ["nor is a null", untyped(null), minute, 1000],
      ["nor is an object", untyped({ second: 5 }), minute, 1000],
      [
        "with a schedule, its own delay is the most",
        "7 seconds",
        { backoff: Schedule.spaced("2 seconds") },
        2000
      ],
      [
        "unless maxRetryAfter allows more",
        "7 seconds",
        { ...minute, backoff: Schedule.spaced("2 seconds") },
        7000
      ]
    ]
    for (const [name, hint, options, expected] of cases) {
      it.effect(`RT-7: ${name}`, () =>
        Effect.gen(function* () {
          assert.strictEqual(yield* secondAfter(hint, options), expected)
        })
      )
    }

    it.effect("RT-7: the bound is that of the backoff for the attempt, when there is no maxRetryAfter", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(Effect.fail("busy"))
        const backoff = Backoff.exponential({ base: "1 second", cap: "3 seconds" })
        const policy = Retry.policy({ attempts: 4, backoff, retryAfter: () => "1 hour" })
        yield* timed(Effect.exit(Retry.run(noted, policy)), "1 day")
        assert.deepStrictEqual(starts, [0, 1000, 3000, 6000])
      })
    )

    it.effect("RT-7: the hint is read from the error of each attempt", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        const policy = Retry.policy({
          attempts: 4,
          backoff: everySecond,
          maxRetryAfter: "1 minute",
          retryAfter: (attempt: number) => (attempt === 2 ? undefined : Duration.seconds(attempt * 10))
        })
        yield* timed(Effect.exit(Retry.run(noted, policy)), "1 day")
        assert.deepStrictEqual(starts, [0, 10_000, 11_000, 41_000])
      })
    )

    it.effect("RT-3, RT-7: a hint beyond the deadline ends the call at once", () =>
      Effect.gen(function* () {
        const policy = Retry.policy({
          attempts: 2,
          maxRetryAfter: "1 minute",
          retryAfter: () => "30 seconds"
        })
        const call = Deadline.within(Retry.run(failing, policy), "20 seconds")
        const { elapsedMillis, exit } = yield* timed(call, "1 day")
        assert.deepStrictEqual([exit, elapsedMillis], [Exit.fail(1), 0])
      })
    )
  })

  describe("budget", () => {
    const patient = Retry.policy({ attempts: 4, backoff: everySecond })

    it.effect(
      "RT-6: one deposit for each call, before its first attempt, and one withdrawal before each delay",
      () =>
        Effect.gen(function* () {
          const { budget, log } = fakeBudget([true, true, true, true])
          const attempt = Effect.andThen(
            Effect.map(elapsedMillis, (now) => log.push(`${now} attempt`)),
            Effect.fail("down")
          )
          yield* timed(Effect.exit(Retry.run(attempt, { ...patient, budget })), "1 minute")
          assert.deepStrictEqual(log, [
            "0 deposit",
            "0 attempt",
            "0 withdraw",
            "1000 attempt",
            "1000 withdraw",
            "2000 attempt",
            "2000 withdraw",
            "3000 attempt"
          ])
        })
    )

    it.effect("RT-6: a refusal ends the call at once, with its own error", () =>
      Effect.gen(function* () {
        const { budget } = fakeBudget([true, false])
        const { elapsedMillis, exit } = yield* timed(Retry.run(failing, { ...patient, budget }), "1 minute")
        assert.deepStrictEqual([exit, elapsedMillis], [Exit.fail(2), 1000])
      })
    )

    it.effect("RT-6: each run of a call pays in", () =>
      Effect.gen(function* () {
        const { budget, log } = fakeBudget([])
        const call = Retry.run(Effect.void, { ...patient, budget })
        yield* Effect.all([call, call])
        assert.deepStrictEqual(log, ["0 deposit", "0 deposit"])
      })
    )

    const unasked: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>, Partial<Retry.Policy>]> =
      [
        ["the call succeeds", Effect.void, {}],
        ["the attempts are used up", failing, { attempts: 1 }],
        ["the error is not worth another attempt", failing, { while: () => false }],
        ["the attempt died", Effect.die("bug"), {}],
        ["the schedule has ended", failing, { backoff: Schedule.recurs(0) }],
        ["the deadline is too near", failing, { backoff: Backoff.constant("1 hour") }]
      ]
    for (const [name, attempt, changes] of unasked) {
      it.effect(`RT-6: nothing is withdrawn when ${name}`, () =>
        Effect.gen(function* () {
          const { budget, log } = fakeBudget([true])
          const policy = { ...Retry.policy({ attempts: 4, backoff: Backoff.none }), ...changes, budget }
          yield* timed(Effect.exit(Deadline.within(Retry.run(attempt, policy), "1 minute")), "1 hour")
          assert.deepStrictEqual(log, ["0 deposit"])
        })
      )
    }
  })

  describe("schedules", () => {
    it.effect("one that ends ends the call, with its last error", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        const backoff = Schedule.spaced("2 seconds").pipe(Schedule.upTo({ times: 2 }))
        const { exit } = yield* timed(Retry.run(noted, Retry.policy({ attempts: 9, backoff })), "1 minute")
        assert.deepStrictEqual(exit, Exit.fail(3))
        assert.deepStrictEqual(starts, [0, 2000, 4000])
      })
    )

    it.effect("one that does not end is bounded by the attempts", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        const policy = Retry.policy({ attempts: 4, backoff: Schedule.exponential("1 second") })
        yield* timed(Effect.exit(Retry.run(noted, policy)), "1 minute")
        assert.deepStrictEqual(starts, [0, 1000, 3000, 7000])
      })
    )

    it.effect("one that keeps to a raster sees the time of each attempt", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(Effect.andThen(Effect.sleep(300), Effect.fail("down")))
        const policy = Retry.policy({ attempts: 3, backoff: Schedule.fixed("1 second") })
        yield* timed(Effect.exit(Retry.run(noted, policy)), "1 minute")
        assert.deepStrictEqual(starts, [0, 1300, 2300])
      })
    )

    it.effect("its input is the error", () =>
      Effect.gen(function* () {
        const seen: Array<unknown> = []
        const backoff = Schedule.passthrough(Schedule.forever).pipe(
          Schedule.map(({ input }) => Effect.sync(() => seen.push(input)))
        )
        yield* Effect.exit(Retry.run(failing, Retry.policy({ attempts: 3, backoff })))
        assert.deepStrictEqual(seen, [1, 2])
      })
    )

    it.effect("each call runs it from its start", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(failing)
        const call = Effect.exit(Retry.run(noted, Retry.policy({ attempts: 9, backoff: Schedule.recurs(1) })))
        yield* Effect.all([call, call])
        assert.strictEqual(starts.length, 4)
      })
    )
  })

  describe("CurrentAttempt", () => {
    it.effect("it is 1 outside of a call, and counts inside", () =>
      Effect.gen(function* () {
        const seen: Array<number> = []
        const attempt = Effect.flatMap(Retry.CurrentAttempt, (attempt) => {
          seen.push(attempt)
          return Effect.fail("down")
        })
        yield* Effect.exit(attempt)
        yield* Effect.exit(Retry.run(attempt, Retry.policy({ attempts: 3, backoff: Backoff.none })))
        yield* Effect.exit(attempt)
        assert.deepStrictEqual(seen, [1, 1, 2, 3, 1])
      })
    )

    it.effect("of nested calls each has its own", () =>
      Effect.gen(function* () {
        const seen: Array<string> = []
        const twice = Retry.policy({ attempts: 2, backoff: Backoff.none })
        const outer = Effect.flatMap(Retry.CurrentAttempt, (outer) =>
          Effect.flatMap(Retry.CurrentAttempt, (inner) => {
            seen.push(`${outer}.${inner}`)
            return Effect.fail("down")
          }).pipe(
            Retry.run(twice),
            Effect.tapError(() => Effect.map(Retry.CurrentAttempt, (after) => seen.push(`after: ${after}`)))
          )
        )
        yield* Effect.exit(Retry.run(outer, twice))
        assert.deepStrictEqual(seen, ["1.1", "1.2", "after: 1", "2.1", "2.2", "after: 2"])
      })
    )

    it.effect("it is seen under a time-out too", () =>
      Effect.gen(function* () {
        const policy = Retry.policy({ attempts: 3, attemptTimeout: "1 second", backoff: Backoff.none })
        assert.strictEqual(yield* Effect.flip(Retry.run(failing, policy)), 3)
      })
    )
  })

  describe("policy", () => {
    it("what is not given has its default", () => {
      assert.deepStrictEqual(Retry.policy({ attempts: 2 }), {
        attempts: 2,
        attemptTimeout: undefined,
        backoff: Backoff.exponential({ base: "100 millis", factor: 2, cap: "30 seconds", jitter: "full" }),
        maxRetryAfter: undefined,
        while: undefined,
        retryAfter: undefined,
        budget: undefined
      })
    })

    it("options without a meaning are refused where the policy is built", () => {
      const bad: ReadonlyArray<readonly [option: string, options: Retry.Input<Duration.Input | undefined>]> =
        [
          ["attempts", { attempts: 0 }],
          ["attempts", { attempts: -1 }],
          ["attempts", { attempts: 2.5 }],
          ["attempts", { attempts: NaN }],
          ["attempts", { attempts: -Infinity }],
          ["attemptTimeout", { attempts: 1, attemptTimeout: NaN }],
          ["attemptTimeout", { attempts: 1, attemptTimeout: untyped("soon") }],
          ["attemptTimeout", { attempts: 1, attemptTimeout: { seconds: NaN } }],
          ["maxRetryAfter", { attempts: 1, maxRetryAfter: NaN }],
          ["maxRetryAfter", { attempts: 1, maxRetryAfter: "-1 second" }]
        ]
      for (const [option, options] of bad) {
        assert.strictEqual(
          optionOf(() => Retry.policy(options)),
          `Retry.${option}`,
          JSON.stringify(options)
        )
      }
    })
  })

  describe("Settings", () => {
    const parse = (env: Record<string, string>) =>
      Effect.exit(
        Config.schema(Retry.Settings, "push").parse(
          ConfigProvider.fromEnvRecord(env).pipe(ConfigProvider.constantCase)
        )
      )
    const valid = { PUSH_ATTEMPTS: "3", PUSH_ATTEMPT_TIMEOUT: "8 seconds" }

    it.effect("RT-2: they are decoded from the environment, and their worst case is known", () =>
      Effect.gen(function* () {
        const exit = yield* parse({
          ...valid,
          PUSH_BACKOFF_TAG: "Constant",
          PUSH_BACKOFF_DELAY: "1 second",
          PUSH_MAX_RETRY_AFTER: "1 minute"
        })
        assert.deepStrictEqual(
          exit,
          Exit.succeed({
            attempts: 3,
            attemptTimeout: Duration.seconds(8),
            backoff: everySecond,
            maxRetryAfter: Duration.minutes(1)
          })
        )
        if (Exit.isFailure(exit)) return
        assert.strictEqual(millis(Retry.worstCase(Retry.fromSettings(exit.value))), 144_000)
      })
    )

    it.effect("only attempts is required, and what is absent has the default of a policy", () =>
      Effect.gen(function* () {
        const exit = yield* parse({ PUSH_ATTEMPTS: "3" })
        assert.deepStrictEqual(exit, Exit.succeed({ attempts: 3 }))
        assert.deepStrictEqual(Retry.fromSettings({ attempts: 3 }), Retry.policy({ attempts: 3 }))
      })
    )

    const bad: ReadonlyArray<Record<string, string>> = [
      {},
      { PUSH_ATTEMPTS: "" },
      { PUSH_ATTEMPTS: "0" },
      { PUSH_ATTEMPTS: "-1" },
      { PUSH_ATTEMPTS: "2.5" },
      { PUSH_ATTEMPTS: "NaN" },
      { PUSH_ATTEMPTS: "Infinity" },
      { PUSH_ATTEMPTS: "three" },
      { ...valid, PUSH_ATTEMPT_TIMEOUT: "8" },
      { ...valid, PUSH_ATTEMPT_TIMEOUT: "soon" },
      { ...valid, PUSH_ATTEMPT_TIMEOUT: "-1 second" },
      { ...valid, PUSH_ATTEMPT_TIMEOUT: "NaN seconds" },
      { ...valid, PUSH_MAX_RETRY_AFTER: "-1 second" },
      { ...valid, PUSH_BACKOFF_TAG: "Constant" },
      { ...valid, PUSH_BACKOFF_TAG: "Constant", PUSH_BACKOFF_DELAY: "-1 second" },
      { ...valid, PUSH_BACKOFF_TAG: "Sometimes", PUSH_BACKOFF_DELAY: "1 second" }
    ]
    for (const env of bad) {
      it.effect(`${JSON.stringify(env)} is a ConfigError`, () =>
        Effect.gen(function* () {
          const exit = yield* parse(env)
          const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
          assert.instanceOf(error, Config.ConfigError)
        })
      )
    }
  })

  describe("parseRetryAfter", () => {
    const show = (header: string): string => {
      const parsed = Retry.parseRetryAfter(header)
      return parsed === undefined
        ? "none"
        : DateTime.isDateTime(parsed)
          ? DateTime.formatIso(parsed)
          : `${parsed}`
    }

    it("RT-7: whole seconds are seconds", () => {
      for (const [header, seconds] of [
        ["0", 0],
        ["2", 2],
        ["120", 120],
        ["007", 7],
        [" 3\t", 3]
      ] as const) {
        assert.strictEqual(show(header), `${Duration.seconds(seconds)}`)
      }
    })

    it("RT-7: the three forms of an HTTP date are dates", () => {
      const headers = [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        " Sun, 06 Nov 1994 08:49:37 GMT "
      ]
      for (const header of headers) assert.strictEqual(show(header), "1994-11-06T08:49:37.000Z")
    })

    it("RT-7: everything else is none", () => {
      const headers = [
        "",
        " ",
        "soon",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "0x10",
        "1,000",
        "2, 3",
        "2 seconds",
        "NaN",
        "Infinity",
        "٣",
        "２",
        "1\n2",
        "1".repeat(16),
        "1".repeat(100_000),
        " ".repeat(100_000),
        "Sun, ".repeat(20_000),
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0100",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT",
        "Sun, 06 123 1994 08:49:37 GMT",
        "Sun, 99 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:61:61 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sunsday, 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 GMT, 2",
        "Sun, 06 Nov 1994 08:49:37 GMT\nX: 1"
      ]
      for (const header of headers)
        assert.strictEqual(show(header), "none", JSON.stringify(header.slice(0, 60)))
    })

    it("RT-7: no string makes it throw, and what it gives is never NaN or negative", () => {
      const pieces = fc.constantFrom(
        "Sun",
        ", ",
        " ",
        "06",
        "Nov",
        "-",
        "1994",
        "08:49:37",
        " GMT",
        "9",
        "\u0000",
        ":"
      )
      const hostile = fc.oneof(
        fc.string(),
        fc.array(pieces).map((parts) => parts.join(""))
      )
      fc.assert(
        fc.property(hostile, (header) => {
          const parsed = Retry.parseRetryAfter(header)
          const value = parsed === undefined ? 0 : DateTime.isDateTime(parsed) ? 0 : millis(parsed)
          assert.isAtLeast(value, 0)
          if (DateTime.isDateTime(parsed)) assert.isFalse(Number.isNaN(DateTime.toEpochMillis(parsed)))
        }),
        { numRuns: 2000 }
      )
    })

    it.effect("RT-7: Retry-After: 2 waits two seconds", () =>
      Effect.gen(function* () {
        const { noted, starts } = noting(Effect.fail({ headers: { "retry-after": "2" } }))
        const policy = Retry.policy({
          attempts: 2,
          maxRetryAfter: "1 minute",
          retryAfter: (error: { readonly headers: { readonly "retry-after": string } }) =>
            Retry.parseRetryAfter(error.headers["retry-after"])
        })
        yield* timed(Effect.exit(Retry.run(noted, policy)), "1 minute")
        assert.deepStrictEqual(starts, [0, 2000])
      })
    )
  })
})

// ----------------------------------------------------------------------------
// A budget that says what it is told to say, and logs what it is asked
// ----------------------------------------------------------------------------

function fakeBudget(answers: ReadonlyArray<boolean>) {
  const log: Array<string> = []
  const left = Array.from(answers)
  const note = (what: string) => Effect.map(elapsedMillis, (now) => void log.push(`${now} ${what}`))
  const budget: RetryBudget.RetryBudget = {
    deposit: note("deposit"),
    withdraw: Effect.map(note("withdraw"), () => left.shift() ?? assert.fail("asked once too often")),
    available: Effect.succeed(left.length)
  }
  return { budget, log }
}

// ----------------------------------------------------------------------------
// Policies: anything whose worst case is known, and what attempts can do under them
// ----------------------------------------------------------------------------

const anyJitter = fc.oneof(
  fc.constantFrom<Backoff.Jitter>("none", "full", "equal", "decorrelated"),
  fc.double({ min: 0, max: 1, noNaN: true }).map((ratio): Backoff.Jitter => Backoff.proportional(ratio))
)
const anyDelay = fc.integer({ min: 0, max: 5000 })
const anyBackoff = fc.oneof(
  fc
    .record({ delay: anyDelay, jitter: anyJitter })
    .map(({ delay, jitter }) => Backoff.constant(delay, { jitter })),
  fc
    .record({ base: anyDelay, step: anyDelay, cap: fc.nat(20_000), jitter: anyJitter })
    .map((options) => Backoff.linear(options)),
  fc
    .record({
      base: anyDelay,
      factor: fc.double({ min: 1, max: 5, noNaN: true }),
      cap: fc.nat(20_000),
      jitter: anyJitter
    })
    .map((options) => Backoff.exponential(options))
)

/** Durations here are below a minute, attempts few: no run takes an hour. */
const anyPolicy = fc
  .record({
    attempts: fc.integer({ min: 1, max: 6 }),
    attemptTimeout: fc.nat(3000),
    backoff: anyBackoff,
    maxRetryAfter: fc.option(fc.nat(30_000), { nil: undefined }),
    hint: fc.option(fc.oneof(fc.nat(60_000), fc.constantFrom(NaN, -1, Infinity)), { nil: undefined })
  })
  .map(({ hint, ...options }) => Retry.policy({ ...options, retryAfter: () => hint }))

/** What each attempt does: it fails after so many milliseconds; `undefined`, or none left, never ends. */
const anyHistory = fc.array(fc.option(fc.nat(4000), { nil: undefined }), { maxLength: 6 })

function acting(history: ReadonlyArray<number | undefined>) {
  return Effect.flatMap(Retry.CurrentAttempt, (attempt) => {
    const millis = history[attempt - 1]
    return millis === undefined ? Effect.never : Effect.andThen(Effect.sleep(millis), Effect.fail("down"))
  })
}

/** The same policy, with a hint wherever that makes a delay longer than its backoff can. */
function greediest(
  policy: Retry.Policy<unknown, Duration.Duration>
): Retry.Policy<Retry.AttemptTimeout, Duration.Duration> {
  const { backoff, maxRetryAfter } = policy
  return {
    ...policy,
    retryAfter: ({ attempt }) =>
      maxRetryAfter !== undefined &&
      !Schedule.isSchedule(backoff) &&
      Duration.isGreaterThan(maxRetryAfter, Backoff.bounds(backoff, attempt).max)
        ? Duration.infinity
        : undefined
  }
}

/** Sums of fractions of a millisecond differ in their last digits, and timers tell no instants apart within 1 µs. */
const rounding = 0.01

function onTestClock(effect: Effect.Effect<void>) {
  return Effect.runPromise(Effect.provide(effect, TestClock.layer()))
}
