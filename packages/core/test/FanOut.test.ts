import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, FanOut, InvalidOptions, Retry } from "@holdfast/core"
import {
  Cause,
  Clock,
  Config,
  ConfigProvider,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Layer,
  Logger,
  Ref,
  Stream
} from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import * as Active from "./utils/active.ts"
import { elapsedMillis } from "./utils/time.ts"

const push = Retry.policy({
  attempts: 3,
  attemptTimeout: "8 seconds",
  backoff: Backoff.constant("1 second", { jitter: "none" })
})

/** Runs an effect to its end while virtual time passes, at most `limit`; fails when it has not ended by then. */
const finish = <A, E, R>(effect: Effect.Effect<A, E, R>, limit: Duration.Input = "10 minutes") =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust(limit)
    const exit = fiber.pollUnsafe()
    if (exit === undefined) return assert.fail("it has not ended")
    return yield* exit
  })

/** The same, with the virtual time at which it ended. */
const finishAt = <A, E, R>(effect: Effect.Effect<A, E, R>, limit?: Duration.Input) =>
  finish(
    Effect.flatMap(effect, (value) => Effect.map(elapsedMillis, (at) => ({ value, at }))),
    limit
  )

const sleeper = (millis: number) => Effect.as(Effect.sleep(millis), millis)
const tags = <T, A, E>(report: FanOut.Report<T, A, E>) => report.outcomes.map((outcome) => outcome._tag)

/** Collects what is logged at warning level or above. */
const collectLogs = <A, E, R>(effect: Effect.Effect<A, E, R>) => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => {
    lines.push(`${logLevel} ${Array.isArray(message) ? message.join(" ") : String(message)}`)
  })
  return Effect.map(Effect.provide(effect, Logger.layer([logger])), (value) => ({ value, lines }))
}

describe("FanOut", () => {
  describe("run", () => {
    it.effect("FO-1: a call that never ends does not hold the batch past its deadline", () =>
      Effect.gen(function* () {
        const call = (target: string) => (target === "dead" ? Effect.never : sleeper(200))
        const { at, value } = yield* finishAt(FanOut.run(["dead", "fast"], call, { deadline: "1 second" }))
        assert.strictEqual(at, 1000)
        assert.deepStrictEqual(tags(value), ["TimedOut", "Answered"])
        assert.strictEqual(value.ended, "Deadline")
        assert.isFalse(value.satisfied)
      })
    )

    it.effect("FO-1: nor does one that cannot be interrupted, and its end changes nothing", () =>
      Effect.gen(function* () {
        const settled = yield* Ref.make(0)
        const batch = FanOut.run(["stubborn"], () => Effect.uninterruptible(sleeper(10_000)), {
          deadline: "1 second",
          label: "push",
          onOutcome: () => Ref.update(settled, (n) => n + 1)
        })
        const { at, value } = yield* finishAt(batch, "1 second")
        assert.strictEqual(at, 1000)
        const before = JSON.stringify(value)
        assert.deepStrictEqual(yield* Deadline.abandoned, [{ label: "push", sinceMillis: 1000 }])
        yield* TestClock.adjust("10 seconds")
        assert.deepStrictEqual(yield* Deadline.abandoned, [])
        assert.strictEqual(yield* Ref.get(settled), 1)
        assert.strictEqual(JSON.stringify(value), before)
      })
    )

    it.effect("FO-1: nor do finalizers that hang, and the attempts of the report stay as they were", () =>
      Effect.gen(function* () {
        const call = () => Effect.ensuring(Effect.never, Effect.sleep("1 minute"))
        const { at, value } = yield* finishAt(
          FanOut.run([1, 2], call, { deadline: "20 seconds", retry: push }),
          "20 seconds"
        )
        assert.strictEqual(at, 20_000)
        const attempts = () => value.timedOut.map((outcome) => outcome.attempts.length)
        const before = attempts()
        yield* TestClock.adjust("5 minutes")
        assert.deepStrictEqual(attempts(), before)
      })
    )

    it.effect("FO-1: twenty dead servers end at the deadline: 8 failed, 8 in flight, 4 never contacted", () =>
      Effect.gen(function* () {
        const contacted = yield* Ref.make<ReadonlyArray<number>>([])
        const targets = Array.from({ length: 20 }, (_, i) => i)
        const call = (target: number) =>
          Effect.andThen(
            Ref.update(contacted, (all) => [...all, target]),
            Effect.never
          )
        const { at, value } = yield* finishAt(
          FanOut.run(targets, call, { deadline: "30 seconds", retry: push })
        )
        assert.strictEqual(at, 30_000)
        assert.deepStrictEqual(
          {
            failed: value.failed.length,
            timedOut: value.timedOut.length,
            notStarted: value.notStarted.length
          },
          { failed: 8, timedOut: 8, notStarted: 4 }
        )
        assert.deepStrictEqual(
          value.failed.map((outcome) => outcome.elapsedMillis),
          new Array(8).fill(26_000)
        )
        assert.deepStrictEqual(
          value.failed.map((outcome) => outcome.attempts.length),
          new Array(8).fill(3)
        )
        const last = (yield* Ref.get(contacted)).filter((target) => target >= 16)
        assert.deepStrictEqual(last, [])
      })
    )

    it.effect("FO-1: a result that is ready at the instant of the deadline counts", () =>
      Effect.gen(function* () {
        const call = (steps: number) => Effect.repeat(Effect.sleep(1000 / steps), { times: steps - 1 })
        const report = yield* finish(FanOut.run([1, 2, 4, 5], call, { deadline: "1 second" }))
        assert.deepStrictEqual(tags(report), ["Answered", "Answered", "Answered", "Answered"])
      })
    )

    it.effect("a fast server and a dead one: attempts at 0, 9 and 18, failure at 26, ticks in between", () =>
      Effect.gen(function* () {
        const attempts = yield* Ref.make<ReadonlyArray<number>>([])
        const outcomes = yield* Ref.make<ReadonlyArray<readonly [string, number]>>([])
        const ticks = yield* Ref.make(0)
        const dead = Effect.andThen(
          Effect.flatMap(elapsedMillis, (at) => Ref.update(attempts, (all) => [...all, at])),
          Effect.never
        )
        const { at } = yield* finishAt(
          FanOut.run(["fast", "dead"], (target) => (target === "fast" ? sleeper(200) : dead), {
            deadline: "30 seconds",
            retry: { ...push, while: Retry.isAttemptTimeout },
            onOutcome: (outcome) =>
              Effect.flatMap(elapsedMillis, (at) =>
                Ref.update(outcomes, (all) => [...all, [outcome._tag, at] as const])
              ),
            onTick: () => Ref.update(ticks, (n) => n + 1)
          })
        )
        assert.strictEqual(at, 26_000)
        assert.deepStrictEqual(yield* Ref.get(attempts), [0, 9000, 18_000])
        assert.deepStrictEqual(yield* Ref.get(outcomes), [
          ["Answered", 200],
          ["Failed", 26_000]
        ])
        assert.isAtLeast(yield* Ref.get(ticks), 25)
      })
    )

    for (const [workers, expected] of [
      [8, 500],
      [3, 1500],
      [1, 4000],
      [0, 4000],
      [-3, 4000],
      [0.5, 4000],
      [2.9, 2000],
      [Infinity, 500],
      [100, 500]
    ] as const) {
      it.effect(`FO-2: 8 servers of 0.5 s with a concurrency of ${workers} take ${expected} ms`, () =>
        Effect.gen(function* () {
          const targets = Array.from({ length: 8 }, () => 500)
          const { at } = yield* finishAt(FanOut.run(targets, sleeper, { concurrency: workers }))
          assert.strictEqual(at, expected)
        })
      )
    }

    it.effect("FO-2: the concurrency is 8 by default and never exceeded", () =>
      Effect.gen(function* () {
        let now = 0
        let most = 0
        const call = (millis: number) =>
          Effect.acquireUseRelease(
            Effect.sync(() => {
              most = Math.max(most, ++now)
            }),
            () => sleeper(millis),
            () =>
              Effect.sync(() => {
                now--
              })
          )
        yield* finish(
          FanOut.run(
            Array.from({ length: 50 }, (_, i) => 10 + (i % 7)),
            call
          )
        )
        assert.strictEqual(most, 8)
      })
    )

    it.effect("FO-3: every target has one outcome, in the order of the targets, duplicates included", () =>
      Effect.gen(function* () {
        const targets = ["a", "b", "a", "a"]
        const report = yield* finish(FanOut.run(targets, (target) => Effect.succeed(target)))
        assert.deepStrictEqual(
          report.outcomes.map((outcome) => [outcome.index, outcome.target]),
          [
            [0, "a"],
            [1, "b"],
            [2, "a"],
            [3, "a"]
          ]
        )
        assert.strictEqual(report.total, 4)
        assert.strictEqual(report.pending, 0)
        assert.isTrue(report.satisfied)
      })
    )

    it.effect("FO-1, FO-2, FO-3, FO-7: hold for any mix of calls, concurrency and deadline", () =>
      Effect.gen(function* () {
        const kinds = fc.constantFrom("now", "sleep", "fail", "die", "hang", "stubborn", "slow release")
        const scenarios = fc.sample(
          fc.record({
            calls: fc.array(fc.record({ kind: kinds, millis: fc.integer({ min: 0, max: 50 }) }), {
              maxLength: 12
            }),
            concurrency: fc.integer({ min: 1, max: 5 }),
            deadline: fc.integer({ min: -1, max: 60 }),
            until: fc.constantFrom<"all" | "first" | { readonly quorum: number }>("all", "first", {
              quorum: 2
            })
          }),
          { numRuns: 300, seed: 20261121 }
        )
        for (const { calls, concurrency, deadline, until } of scenarios) {
          let live = 0
          let over = false
          const call = ({ kind, millis }: (typeof calls)[number]) =>
            Effect.suspend((): Effect.Effect<number, string> => {
              assert.isFalse(over, "a call started after the batch")
              assert.isAtMost(++live, concurrency)
              switch (kind) {
                case "now":
                  return Effect.succeed(0)
                case "sleep":
                  return sleeper(millis)
                case "fail":
                  return Effect.andThen(Effect.sleep(millis), Effect.fail("no"))
                case "die":
                  return Effect.die("bug")
                case "hang":
                  return Effect.never
                case "stubborn":
                  return Effect.uninterruptible(sleeper(millis + 100))
                default:
                  return Effect.ensuring(Effect.never, Effect.sleep(millis))
              }
            }).pipe(
              Effect.ensuring(
                Effect.sync(() => {
                  live--
                })
              )
            )
          const fiber = yield* Effect.forkChild(
            Effect.tap(FanOut.run(calls, call, { concurrency, deadline, until }), () =>
              Effect.sync(() => {
                over = true
              })
            ),
            { startImmediately: true }
          )
          yield* TestClock.adjust(Math.max(deadline, 0))
          const exit = fiber.pollUnsafe()
          if (exit === undefined || Exit.isFailure(exit))
            return assert.fail(
              `not over in time: ${JSON.stringify({ calls, concurrency, deadline, until })} ${exit}`
            )
          const report = exit.value
          assert.deepStrictEqual(
            report.outcomes.map((outcome) => outcome.index),
            calls.map((_, i) => i)
          )
          const lists = [report.answered, report.failed, report.timedOut, report.notStarted, report.cancelled]
          assert.strictEqual(
            lists.reduce((n, list) => n + list.length, 0),
            calls.length
          )
          yield* TestClock.adjust(1000)
        }
      }).pipe(Effect.provide(Logger.layer([])))
    )

    it.effect(
      "FO-4: outcomes come in order of completion, on the calling fiber, once each, and none after the return",
      () =>
        Effect.gen(function* () {
          const seen: Array<readonly [number, number]> = []
          let returned = false
          let caller = 0
          const batch = Effect.gen(function* () {
            caller = yield* Effect.fiberId
            yield* FanOut.run([300, 100, 200, 5000], sleeper, {
              deadline: "1 second",
              onOutcome: (outcome) =>
                Effect.map(Effect.fiberId, (fiber) => {
                  assert.isFalse(returned)
                  seen.push([outcome.target, fiber])
                })
            })
            returned = true
          })
          yield* finish(batch)
          assert.deepStrictEqual(seen, [
            [100, caller],
            [200, caller],
            [300, caller],
            [5000, caller]
          ])
        })
    )

    it.effect("FO-4: a callback that waits does not lose or reorder what happens meanwhile", () =>
      Effect.gen(function* () {
        const seen: Array<number> = []
        yield* finish(
          FanOut.run([100, 200, 300, 400], sleeper, {
            onOutcome: (outcome) =>
              Effect.andThen(
                Effect.sleep(1000),
                Effect.sync(() => seen.push(outcome.target))
              )
          })
        )
        assert.deepStrictEqual(seen, [100, 200, 300, 400])
      })
    )

    it.effect(
      "FO-4: a callback that hangs holds up the return, but neither the calls nor a deadline around the batch",
      () =>
        Effect.gen(function* () {
          const batch = FanOut.run([100, 5000], sleeper, {
            deadline: "1 second",
            onOutcome: () => Effect.never
          })
          const { at, value } = yield* finishAt(
            Effect.flip(Deadline.within(batch, "2 seconds", { label: "page" }))
          )
          assert.strictEqual(at, 2000)
          assert.strictEqual(value.label, "page")
        })
    )

    it.effect(
      "FO-5: ticks come at multiples of the interval; a slow callback makes one late, skips some and shifts none",
      () =>
        Effect.gen(function* () {
          const at: Array<number> = []
          yield* finish(
            FanOut.run([10_500], sleeper, {
              onTick: () =>
                Effect.gen(function* () {
                  at.push(yield* elapsedMillis)
                  if (at.length === 3) yield* Effect.sleep(2500)
                })
            })
          )
          assert.deepStrictEqual(at, [1000, 2000, 3000, 5500, 6000, 7000, 8000, 9000, 10_000])
        })
    )

    it.effect("FO-5: results in between do not shift the ticks either, and the interval can be chosen", () =>
      Effect.gen(function* () {
        const at: Array<number> = []
        yield* finish(
          FanOut.run([130, 260, 777, 1010], sleeper, {
            tickInterval: "250 millis",
            onOutcome: () => Effect.sleep(10),
            onTick: (progress) => Effect.map(elapsedMillis, (now) => at.push(now, progress.pending))
          })
        )
        assert.deepStrictEqual(at, [250, 3, 500, 2, 750, 2, 1000, 1])
      })
    )

    it.effect(
      "FO-5: no tick comes twice, even at an interval that floating-point milliseconds cannot hold",
      () =>
        Effect.gen(function* () {
          yield* TestClock.setTime(1_795_305_600_000)
          let ticks = 0
          const onTick = () => Effect.sync(() => ticks++)
          const batch = FanOut.run([1000], sleeper, { tickInterval: "33.3 millis", onTick })
          yield* finish(batch, "2 seconds")
          assert.strictEqual(ticks, 30)
        })
    )

    it.effect(
      "FO-6: a call that fails, dies or throws is an outcome of its own, and a defect is logged",
      () =>
        Effect.gen(function* () {
          const call = (target: string): Effect.Effect<string, string> => {
            if (target === "throws") throw new Error("thrown")
            if (target === "dies") return Effect.die("dead")
            if (target === "dies later") return Effect.andThen(Effect.sleep(10), Effect.die("dead"))
            if (target === "fails") return Effect.fail("no")
            if (target === "interrupts itself") return Effect.interrupt
            return Effect.as(Effect.sleep(20), target)
          }
          const targets = ["throws", "dies", "dies later", "fails", "interrupts itself", "fine"]
          const { lines, value } = yield* collectLogs(finish(FanOut.run(targets, call, { label: "push" })))
          assert.deepStrictEqual(tags(value), ["Failed", "Failed", "Failed", "Failed", "Failed", "Answered"])
          assert.deepStrictEqual(
            value.failed.map((f) => [f.target, Cause.hasDies(f.cause), Cause.hasInterrupts(f.cause)]),
            [
              ["throws", true, false],
              ["dies", true, false],
              ["fails", false, false],
              ["interrupts itself", false, true],
              ["dies later", true, false]
            ]
          )
          assert.strictEqual(lines.filter((line) => line.includes('fan-out "push": a call died')).length, 3)
        })
    )

    it.effect(
      "FO-6: a callback that dies, throws or interrupts itself is logged, and the batch goes on",
      () =>
        Effect.gen(function* () {
          const seen: Array<number> = []
          const batch = FanOut.run([10, 20, 30, 40], sleeper, {
            tickInterval: 15,
            onTick: () => Effect.die("tick"),
            onOutcome: (outcome) => {
              seen.push(outcome.target)
              if (outcome.target === 10) throw new Error("thrown")
              return outcome.target === 20
                ? Effect.die("dead")
                : outcome.target === 30
                  ? Effect.interrupt
                  : Effect.void
            }
          })
          const { lines, value } = yield* collectLogs(finish(batch))
          assert.deepStrictEqual(seen, [10, 20, 30, 40])
          assert.deepStrictEqual(tags(value), ["Answered", "Answered", "Answered", "Answered"])
          assert.isAtLeast(lines.filter((line) => line.includes("a callback died")).length, 3)
        })
    )

    it.effect("FO-6: an `until` that throws counts as false, and is logged", () =>
      Effect.gen(function* () {
        const until = () => {
          throw new Error("until")
        }
        const { lines, value } = yield* collectLogs(finish(FanOut.run([1, 2], sleeper, { until })))
        assert.strictEqual(value.ended, "Complete")
        assert.isAbove(lines.length, 0)
      })
    )

    it.effect("FO-7: a deadline of zero or less starts nothing", () =>
      Effect.gen(function* () {
        for (const deadline of [0, -1, "-1 second", Number.NEGATIVE_INFINITY] as const) {
          let started = 0
          const report = yield* FanOut.run([1, 2], () => Effect.sync(() => ++started), { deadline })
          assert.deepStrictEqual(tags(report), ["NotStarted", "NotStarted"])
          assert.strictEqual(report.ended, "Deadline")
          assert.strictEqual(started, 0)
        }
      })
    )

    it.effect(
      "FO-7: nothing starts after the deadline, even when the event loop was blocked and no timer could fire",
      () =>
        Effect.gen(function* () {
          const clock = yield* Clock.Clock
          let nanos = 0n
          const blocked: Clock.Clock = Object.assign(Object.create(clock), {
            monotonicTimeNanosUnsafe: () => nanos
          })
          let started = 0
          const call = () =>
            Effect.sync(() => {
              started++
              nanos += 400_000_000n
            })
          const fiber = yield* FanOut.run([1, 2, 3, 4, 5], call, {
            concurrency: 1,
            deadline: "1 second"
          }).pipe(Effect.provideService(Clock.Clock, blocked), Effect.forkChild)
          const report = yield* Fiber.join(fiber)
          assert.strictEqual(started, 3)
          assert.deepStrictEqual(tags(report), [
            "Answered",
            "Answered",
            "Answered",
            "NotStarted",
            "NotStarted"
          ])
        })
    )

    it.effect("FO-7: nothing starts after `until` holds", () =>
      Effect.gen(function* () {
        let started = 0
        const call = (millis: number) =>
          Effect.suspend(() => {
            started++
            return sleeper(millis)
          })
        const report = yield* finish(
          FanOut.run([10, 20, 30, 40, 50], call, { concurrency: 2, until: { quorum: 2 } })
        )
        assert.strictEqual(started, 3)
        assert.deepStrictEqual(
          report.outcomes.map((o) => (o._tag === "Cancelled" ? `Cancelled ${o.started}` : o._tag)),
          ["Answered", "Answered", "Cancelled true", "Cancelled false", "Cancelled false"]
        )
        assert.strictEqual(report.ended, "Until")
        assert.isTrue(report.satisfied)
      })
    )

    it.effect("FO-7: an `until` that holds from the start starts nothing", () =>
      Effect.gen(function* () {
        const report = yield* FanOut.run([1], () => Effect.die("started"), { until: { quorum: 0 } })
        assert.deepStrictEqual(tags(report), ["Cancelled"])
      })
    )

    it.effect("an `until` that the last outcome fulfils is satisfied, and the batch complete", () =>
      Effect.gen(function* () {
        for (const until of ["first", { quorum: 1 }, () => true] as const) {
          const report = yield* finish(
            FanOut.run([10], sleeper, {
              until: typeof until === "function" ? (soFar) => soFar.pending === 0 : until
            })
          )
          assert.strictEqual(report.ended, "Complete")
          assert.isTrue(report.satisfied)
        }
        const none = yield* FanOut.run([1], () => Effect.fail("no"), { until: "first" })
        assert.strictEqual(none.ended, "Complete")
        assert.isFalse(none.satisfied)
      })
    )

    it.effect("FO-8: losers are interrupted, and one that cannot be does not delay the winner", () =>
      Effect.gen(function* () {
        const interrupted = yield* Ref.make(false)
        const call = (target: string) => {
          if (target === "winner") return Effect.as(Effect.sleep(50), target)
          if (target === "stubborn") return Effect.uninterruptible(Effect.as(Effect.sleep(5000), target))
          return Effect.onInterrupt(Effect.never, () => Ref.set(interrupted, true))
        }
        const { at, value } = yield* finishAt(
          FanOut.run(["loser", "winner", "stubborn"], call, { until: "first" })
        )
        assert.strictEqual(at, 50)
        assert.isTrue(yield* Ref.get(interrupted))
        assert.deepStrictEqual(tags(value), ["Cancelled", "Answered", "Cancelled"])
      })
    )

    it.effect("FO-8: all losers are interrupted before the batch returns", () =>
      Effect.gen(function* () {
        let interrupted = 0
        const call = (target: string) =>
          target === "winner"
            ? Effect.sleep(50)
            : Effect.onInterrupt(Effect.never, () =>
                Effect.sync(() => {
                  interrupted++
                })
              )
        const batch = FanOut.run(["a", "winner", "b", "c"], call, { until: "first" })
        const atReturn = yield* finish(Effect.map(batch, () => interrupted))
        assert.strictEqual(atReturn, 3)
      })
    )

    it.effect("FO-8: a predicate sees the progress so far", () =>
      Effect.gen(function* () {
        const { at, value } = yield* finishAt(
          FanOut.run([100, 200, 300, 400], sleeper, {
            until: (soFar) =>
              soFar.answered.reduce((sum, answer) => sum + answer.value, 0) >= 500 && soFar.pending <= 1
          })
        )
        assert.strictEqual(at, 300)
        assert.strictEqual(value.cancelled.length, 1)
      })
    )

    it.effect("FO-9: the worst case is an upper bound that is reached", () =>
      Effect.gen(function* () {
        for (const [targets, concurrency, expected] of [
          [1, 8, 26_000],
          [8, 8, 26_000],
          [9, 8, 52_000],
          [5, 2, 78_000]
        ] as const) {
          const bound = FanOut.worstCase({ targets, concurrency, retry: push })
          const start = yield* elapsedMillis
          const all = Array.from({ length: targets }, (_, i) => i)
          const { at } = yield* finishAt(FanOut.run(all, () => Effect.never, { concurrency, retry: push }))
          assert.strictEqual(at - start, expected)
          assert.strictEqual(Duration.toMillis(bound), expected)
        }
        const seconds = (options: Parameters<typeof FanOut.worstCase>[0]) =>
          Duration.toSeconds(FanOut.worstCase(options))
        assert.strictEqual(seconds({ targets: 20, retry: push, deadline: "30 seconds" }), 30)
        assert.strictEqual(seconds({ targets: 0, deadline: "30 seconds" }), 0)
        assert.strictEqual(seconds({ targets: 3, deadline: -5 }), 0)
        assert.strictEqual(seconds({ targets: 3 }), Infinity)
      })
    )

    it.effect("FO-9: a policy that may take longer than the deadline is logged with both numbers", () =>
      Effect.gen(function* () {
        const late = collectLogs(
          finish(FanOut.run([1], sleeper, { deadline: "20 seconds", retry: push, label: "push" }))
        )
        const { lines } = yield* late
        assert.strictEqual(lines.length, 1)
        assert.include(lines[0], "26s")
        assert.include(lines[0], "20s")
        const each = yield* collectLogs(
          finish(FanOut.run([1], sleeper, { deadline: "20 seconds", retry: () => push }))
        )
        assert.strictEqual(each.lines.length, 1)
        const fine = yield* collectLogs(
          finish(FanOut.run([1], sleeper, { deadline: "30 seconds", retry: push }))
        )
        assert.deepStrictEqual(fine.lines, [])
      })
    )

    it.effect("FO-10: interrupting the caller interrupts every call, and waits for their finalizers", () =>
      Effect.gen(function* () {
        const released = yield* Ref.make(0)
        const call = () =>
          Effect.ensuring(
            Effect.never,
            Effect.andThen(
              Effect.sleep(100),
              Ref.update(released, (n) => n + 1)
            )
          )
        const fiber = yield* Effect.forkChild(
          FanOut.run([1, 2, 3], call, { concurrency: 2, deadline: "1 minute" }),
          { startImmediately: true }
        )
        yield* TestClock.adjust(1000)
        fiber.interruptUnsafe()
        yield* TestClock.adjust(100)
        const exit = fiber.pollUnsafe()
        assert.isTrue(exit !== undefined && Exit.hasInterrupts(exit))
        assert.strictEqual(yield* Ref.get(released), 2)
      })
    )

    it.effect("FO-10: but not past the deadline for one that cannot be interrupted", () =>
      Effect.gen(function* () {
        const call = () => Effect.uninterruptible(Effect.sleep("1 hour"))
        const fiber = yield* Effect.forkChild(FanOut.run([1, 2], call, { deadline: "1 minute" }), {
          startImmediately: true
        })
        yield* TestClock.adjust("10 seconds")
        fiber.interruptUnsafe()
        yield* TestClock.adjust("49 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        assert.isDefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 hour")
      })
    )

    it.effect("FO-10: an interruption in the middle of a callback interrupts the batch", () =>
      Effect.gen(function* () {
        const interrupted = yield* Ref.make(false)
        const call = (target: string) =>
          target === "fast" ? Effect.void : Effect.onInterrupt(Effect.never, () => Ref.set(interrupted, true))
        const fiber = yield* Effect.forkChild(
          FanOut.run(["fast", "hung"], call, { onOutcome: () => Effect.never }),
          { startImmediately: true }
        )
        yield* TestClock.adjust(10)
        yield* Fiber.interrupt(fiber)
        assert.isTrue(yield* Ref.get(interrupted))
      })
    )

    it.effect("FO-11: inside a nearer deadline, the partial report comes out before it", () =>
      Effect.gen(function* () {
        const batch = FanOut.run([100, 5000], sleeper, { deadline: "30 seconds" })
        const { at, value } = yield* finishAt(Deadline.within(batch, "1 second", { label: "page" }))
        assert.strictEqual(at, 990)
        assert.strictEqual(value.ended, "InheritedDeadline")
        assert.deepStrictEqual(tags(value), ["Answered", "TimedOut"])
      })
    )

    it.effect("FO-11: the reserve is a tenth of what remains when that is less than 100 milliseconds", () =>
      Effect.gen(function* () {
        const { at, value } = yield* finishAt(Deadline.within(FanOut.run([5000], sleeper), 50))
        assert.strictEqual(at, 45)
        assert.strictEqual(value.ended, "InheritedDeadline")
      })
    )

    it.effect("FO-11: a batch's own deadline that is nearer is not shortened", () =>
      Effect.gen(function* () {
        const { at, value } = yield* finishAt(
          Deadline.within(FanOut.run([5000], sleeper, { deadline: 900 }), "1 second")
        )
        assert.strictEqual(at, 900)
        assert.strictEqual(value.ended, "Deadline")
      })
    )

    it.effect("calls see the end of the batch as their deadline", () =>
      Effect.gen(function* () {
        const report = yield* FanOut.run([1], () => Deadline.remaining, { deadline: "3 seconds" })
        assert.deepStrictEqual(
          report.answered.map((answer) => Duration.toMillis(answer.value)),
          [3000]
        )
      })
    )

    it.effect("a wait inside a call that inherits the deadline is a time-out, not a failure", () =>
      Effect.gen(function* () {
        const call = () => Deadline.within(Effect.never, "1 hour")
        const report = yield* finish(FanOut.run([1, 2], call, { deadline: "3 seconds", retry: push }))
        assert.deepStrictEqual(tags(report), ["TimedOut", "TimedOut"])
        assert.strictEqual(report.ended, "Deadline")
      })
    )

    it.effect("no targets: an empty report at once, and no tick", () =>
      Effect.gen(function* () {
        const report = yield* FanOut.run([], () => Effect.void, {
          deadline: 0,
          onTick: () => Effect.die("tick")
        })
        assert.strictEqual(report.ended, "Complete")
        assert.isTrue(report.satisfied)
        assert.deepStrictEqual(report.outcomes, [])
        assert.isFalse((yield* FanOut.run([], () => Effect.void, { until: "first" })).satisfied)
      })
    )

    it.effect("no deadline waits for all", () =>
      Effect.gen(function* () {
        const { at } = yield* finishAt(FanOut.run([1000, 60_000], sleeper))
        assert.strictEqual(at, 60_000)
      })
    )

    it.effect("targets are taken anew on each run", () =>
      Effect.gen(function* () {
        const batch = FanOut.run(new Set(["a", "b"]), (target) => Effect.succeed(target))
        assert.strictEqual((yield* batch).total, 2)
        assert.strictEqual((yield* batch).total, 2)
      })
    )

    it.effect("a policy for each target", () =>
      Effect.gen(function* () {
        const report = yield* finish(
          FanOut.run([1, 3], () => Effect.fail("no"), {
            retry: (target) => Retry.policy({ attempts: target, backoff: Backoff.none })
          })
        )
        assert.deepStrictEqual(
          report.failed.map((outcome) => outcome.attempts.length),
          [1, 3]
        )
      })
    )

    it.effect("every attempt is in the outcome, with its times", () =>
      Effect.gen(function* () {
        const report = yield* finish(
          FanOut.run([1], () => Effect.andThen(Effect.sleep(100), Effect.fail("no")), {
            retry: Retry.policy({ attempts: 2, backoff: Backoff.constant("1 second") })
          })
        )
        const attempts = report.failed[0]?.attempts.map((a) => [
          a.attempt,
          a.startedAfterMillis,
          a.durationMillis
        ])
        assert.deepStrictEqual(attempts, [
          [1, 0, 100],
          [2, 1100, 100]
        ])
        const single = yield* finish(FanOut.run([100], sleeper))
        const one = single.answered[0]?.attempts.map((a) => [
          a.attempt,
          a.startedAfterMillis,
          a.durationMillis,
          a.cause
        ])
        assert.deepStrictEqual(one, [[1, 0, 100, undefined]])
      })
    )

    it.live("a batch leaves no fiber and no timer behind", () =>
      Effect.gen(function* () {
        const left = yield* Active.left(
          FanOut.run([1, 2, 3], (n) => Effect.as(Effect.yieldNow, n), {
            deadline: "1 hour",
            concurrency: 2,
            retry: push,
            onTick: () => Effect.void
          })
        )
        assert.deepStrictEqual(left, { fibers: 0, timers: 0 })
        const first = yield* Active.left(
          FanOut.run([1, 2, 3], (n) => (n === 2 ? Effect.as(Effect.yieldNow, n) : Effect.never), {
            until: "first"
          })
        )
        assert.deepStrictEqual(first, { fibers: 0, timers: 0 })
      })
    )

    it.live("FO-10: nor does one whose caller was interrupted", () =>
      Effect.gen(function* () {
        const left = yield* Active.left(
          Effect.gen(function* () {
            const batch = FanOut.run([1, 2], () => Effect.never, {
              deadline: "1 hour",
              onTick: () => Effect.void
            })
            yield* Fiber.interrupt(yield* Effect.forkChild(batch, { startImmediately: true }))
          })
        )
        assert.deepStrictEqual(left, { fibers: 0, timers: 0 })
      })
    )

    it.live("a hundred thousand synchronous calls do not overflow the stack", () =>
      Effect.gen(function* () {
        const report = yield* FanOut.run(
          Array.from({ length: 100_000 }, (_, i) => i),
          Effect.succeed,
          { concurrency: 1 }
        )
        assert.strictEqual(report.answered.length, 100_000)
      })
    )

    it.live("nor do a hundred thousand calls that end each other", () =>
      Effect.gen(function* () {
        const doors = Array.from({ length: 100_000 }, () => Deferred.makeUnsafe<void>())
        const targets = doors.map((mine, index) => ({ mine, previous: doors[index - 1] }))
        const call = ({ mine, previous }: (typeof targets)[number]) =>
          previous === undefined
            ? Deferred.await(mine)
            : Effect.andThen(
                Deferred.succeed(previous, undefined),
                mine === doors.at(-1) ? Effect.void : Deferred.await(mine)
              )
        const report = yield* FanOut.run(targets, call, { concurrency: 2 })
        assert.strictEqual(report.answered.length, doors.length)
      })
    )

    it("options without a meaning are refused where they are written", () => {
      const refused = (options: FanOut.StreamOptions<number, void, never>) =>
        assert.throws(() => FanOut.run([1], () => Effect.void, options), InvalidOptions)
      refused({ concurrency: NaN })
      refused({ deadline: NaN })
      refused({ tickInterval: NaN })
      refused({ tickInterval: 0 })
      refused({ tickInterval: -1 })
      refused({ until: { quorum: 1.5 } })
      refused({ until: { quorum: NaN } })
      refused({ until: { quorum: -1 } })
      assert.throws(() => FanOut.stream([1], () => Effect.void, { deadline: NaN }), InvalidOptions)
    })
  })

  describe("Settings", () => {
    const read = (env: Record<string, string>) =>
      Config.schema(FanOut.Settings, "push").parse(ConfigProvider.fromEnvRecord(env))

    it.effect("are read from configuration", () =>
      Effect.gen(function* () {
        const settings = yield* read({
          push_concurrency: "4",
          push_deadline: "30 seconds",
          push_tickInterval: "500 millis"
        })
        const { at } = yield* finishAt(FanOut.run(new Array(8).fill(500), sleeper, settings))
        assert.strictEqual(at, 1000)
        assert.deepStrictEqual(yield* read({ push_concurrency: "4" }), { concurrency: 4 })
      })
    )

    it.effect("without a meaning are a ConfigError", () =>
      Effect.gen(function* () {
        for (const [key, value] of [
          ["push_concurrency", "NaN"],
          ["push_concurrency", "2.5"],
          ["push_deadline", "NaN"],
          ["push_deadline", "-1 second"],
          ["push_deadline", "soon"],
          ["push_tickInterval", "0 millis"]
        ] as const) {
          const error = yield* Effect.flip(read({ [key]: value }))
          assert.strictEqual(error._tag, "ConfigError", `${key}=${value}`)
        }
      })
    )
  })

  describe("stream", () => {
    it.effect("FO-4: gives the events of the run in order, and ends with the report", () =>
      Effect.gen(function* () {
        const events = yield* finish(
          FanOut.stream([1500, 500], sleeper).pipe(
            Stream.map((event) =>
              event._tag === "Started"
                ? `Started ${event.target}`
                : event._tag === "Settled"
                  ? `Settled ${event.outcome.target}`
                  : event._tag === "Tick"
                    ? `Tick ${event.progress.pending}`
                    : `Ended ${event.report.answered.length}`
            ),
            Stream.runCollect
          )
        )
        assert.deepStrictEqual(events, [
          "Started 1500",
          "Started 500",
          "Settled 500",
          "Tick 1",
          "Settled 1500",
          "Ended 2"
        ])
      })
    )

    it.effect("FO-10: ending the stream early interrupts every call", () =>
      Effect.gen(function* () {
        const interrupted = yield* Ref.make(0)
        const call = (n: number) =>
          n === 0
            ? Effect.sleep(10)
            : Effect.onInterrupt(Effect.never, () => Ref.update(interrupted, (i) => i + 1))
        yield* finish(
          FanOut.stream([0, 1, 2], call).pipe(
            Stream.takeUntil((event) => event._tag === "Settled"),
            Stream.runDrain
          )
        )
        assert.strictEqual(yield* Ref.get(interrupted), 2)
      })
    )

    it.effect("FO-1: a slow consumer does not move the deadline, and holds at most one tick", () =>
      Effect.gen(function* () {
        const events = yield* finish(
          FanOut.stream([100, 60_000], sleeper, { deadline: "5 seconds" }).pipe(
            Stream.tap((event) => (event._tag === "Settled" ? Effect.sleep("20 seconds") : Effect.void)),
            Stream.runCollect
          )
        )
        const last = events[events.length - 1]
        assert.isTrue(last?._tag === "Ended" && last.report.elapsedMillis === 5000)
        assert.isAtMost(events.filter((event) => event._tag === "Tick").length, 1)
      })
    )

    it.effect("FO-6: a call that dies is logged and does not fail the stream", () =>
      Effect.gen(function* () {
        const { lines, value } = yield* collectLogs(
          finish(Stream.runCollect(FanOut.stream([1], () => Effect.die("dead"))))
        )
        assert.strictEqual(value[value.length - 1]?._tag, "Ended")
        assert.strictEqual(lines.length, 1)
      })
    )
  })

  describe("isUnknown", () => {
    it.effect("tells what may have happened without an answer", () =>
      Effect.gen(function* () {
        const call = (target: string): Effect.Effect<string, string | Deadline.DeadlineExceeded> => {
          if (target === "hung") return Effect.never
          if (target === "limited") return Deadline.within(Effect.never, "1 second")
          return target === "refused" ? Effect.fail("no") : Effect.succeed("ok")
        }
        const retry = Retry.policy({ attempts: 1, attemptTimeout: "2 seconds" })
        const unknown = (report: FanOut.Report<string, string, unknown>) =>
          report.outcomes.filter(FanOut.isUnknown).map((o) => o.target)
        const timed = yield* finish(FanOut.run(["hung", "limited", "refused", "fine"], call, { retry }))
        assert.deepStrictEqual(unknown(timed), ["hung", "limited"])
        const cut = yield* finish(
          FanOut.run(["hung", "fine", "refused"], call, { deadline: "1 second", concurrency: 1 })
        )
        assert.deepStrictEqual(tags(cut), ["TimedOut", "NotStarted", "NotStarted"])
        assert.deepStrictEqual(unknown(cut), ["hung"])
        const first = yield* finish(
          FanOut.run(["hung", "fine", "later"], call, { until: "first", concurrency: 2 })
        )
        assert.deepStrictEqual(unknown(first), ["hung"])
      })
    )

    it.effect("a later attempt that was refused does not undo an earlier one that ran out of time", () =>
      Effect.gen(function* () {
        const call = () =>
          Effect.flatMap(Retry.CurrentAttempt, (n) => (n === 1 ? Effect.never : Effect.fail("refused")))
        const retry = Retry.policy({ attempts: 2, attemptTimeout: "1 second", backoff: Backoff.none })
        const report = yield* finish(FanOut.run([1], call, { retry }))
        assert.deepStrictEqual(report.outcomes.map(FanOut.isUnknown), [true])
      })
    )
  })

  describe("Service", () => {
    class Greeting extends Context.Service<Greeting, string>()("test/Greeting") {}

    class Greet extends FanOut.Service<Greet, string>()("test/Greet", {
      targets: Effect.map(Greeting, (greeting) => [`${greeting} a`, `${greeting} b`]),
      call: (target, suffix: string) =>
        Effect.map(
          Effect.all([Greeting, Deadline.remaining]),
          ([greeting, left]) => `${target} ${greeting}${suffix} ${Duration.format(left)}`
        ),
      deadline: "30 seconds"
    }) {}

    const greetings = Layer.succeed(Greeting, "hello")

    it.effect("runs one operation over its targets with the input of the call", () =>
      Effect.gen(function* () {
        const report = yield* Greet.run("!")
        assert.deepStrictEqual(
          report.answered.map((a) => a.value),
          ["hello a hello! 30s", "hello b hello! 30s"]
        )
        const events = yield* Stream.runCollect(Greet.stream("?"))
        assert.strictEqual(events.length, 5)
      }).pipe(Effect.provide(Greet.layer().pipe(Layer.provide(greetings))))
    )

    it.effect("sees the caller's deadline, not that of the build", () =>
      Effect.gen(function* () {
        const context = yield* Deadline.within(
          Layer.build(Greet.layer({ deadline: "1 hour" }).pipe(Layer.provide(greetings))),
          "2 seconds"
        )
        const free = yield* Effect.provideContext(Greet.run(""), context)
        assert.deepStrictEqual(
          free.answered.map((a) => a.value),
          ["hello a hello 1h", "hello b hello 1h"]
        )
        const hurried = yield* Effect.provideContext(Deadline.within(Greet.run(""), "5 seconds"), context)
        assert.strictEqual(hurried.answered[0]?.value, "hello a hello 4s 990ms")
      }).pipe(Effect.scoped)
    )

    it.effect("FO-9: warns once, when its layer is built", () =>
      Effect.gen(function* () {
        class Slow extends FanOut.Service<Slow, number>()("test/Slow", {
          targets: [1],
          call: (n) => Effect.succeed(n),
          retry: push,
          deadline: "10 seconds"
        }) {}
        const { lines } = yield* collectLogs(
          Effect.provide(Effect.andThen(Slow.run(), Slow.run()), Slow.layer())
        )
        assert.strictEqual(lines.length, 1)
        const quiet = yield* collectLogs(Effect.provide(Slow.run(), Slow.layer({ deadline: "30 seconds" })))
        assert.deepStrictEqual(quiet.lines, [])
      })
    )

    it.effect("takes its targets from the input, and callbacks with every run", () =>
      Effect.gen(function* () {
        class Echo extends FanOut.Service<Echo, string>()("test/Echo", {
          targets: (words: ReadonlyArray<string>) => Effect.map(Greeting, (greeting) => [greeting, ...words]),
          call: (word, words) => Effect.as(Effect.sleep(1500), `${word} of ${words.length}`)
        }) {}
        const seen: Array<string> = []
        const run = Echo.run(["a", "b"], {
          onOutcome: (outcome) =>
            Effect.map(Greeting, (greeting) => seen.push(`${greeting} ${outcome.target}`)),
          onTick: (progress) => Effect.sync(() => seen.push(`${progress.pending} pending`))
        })
        const report = yield* finish(
          run.pipe(
            Effect.provide(Echo.layer().pipe(Layer.provide(greetings))),
            Effect.provideService(Greeting, "hi")
          )
        )
        assert.deepStrictEqual(seen, ["3 pending", "hi hi", "hi a", "hi b"])
        assert.deepStrictEqual(
          report.answered.map((answer) => answer.value),
          ["hi of 2", "a of 2", "b of 2"]
        )
      })
    )

    it.effect("resources of calls are released when their batch ends", () =>
      Effect.gen(function* () {
        const open = yield* Ref.make(0)
        class Open extends FanOut.Service<Open, number>()("test/Open", {
          targets: [1, 2],
          call: () =>
            Effect.acquireRelease(
              Ref.update(open, (n) => n + 1),
              () => Ref.update(open, (n) => n - 1)
            )
        }) {}
        yield* Effect.gen(function* () {
          yield* Open.run()
          assert.strictEqual(yield* Ref.get(open), 0)
          yield* Stream.runDrain(Open.stream())
          assert.strictEqual(yield* Ref.get(open), 0)
        }).pipe(Effect.provide(Open.layer()))
      })
    )

    it("refuses options without a meaning", () => {
      assert.throws(
        () =>
          FanOut.Service<never, number>()("test/Bad", {
            targets: [1],
            call: () => Effect.void,
            deadline: NaN
          }),
        InvalidOptions
      )
      assert.throws(() => Greet.layer({ concurrency: NaN }), InvalidOptions)
    })
  })
})
