/** Ways in which `FanOut` was once broken on purpose. */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, FanOut, InvalidOptions, Retry } from "@holdfast/core"
import { Clock, Deferred, Duration, Effect, Fiber, Layer, Logger, Option, Scheduler, Stream } from "effect"
import { TestClock } from "effect/testing"

const tags = (report: { readonly outcomes: ReadonlyArray<{ readonly _tag: string } | undefined> }) =>
  Array.from(report.outcomes, (outcome) => outcome?._tag)

/** A scheduler that makes the fiber that asks for it yield before its k-th operation, once. */
const yieldingAt =
  (k: number) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>) => {
    const base = new Scheduler.MixedScheduler()
    let yielding: unknown
    let operations = 0
    const scheduler: Scheduler.Scheduler = {
      executionMode: "async",
      shouldYield: (fiber) => fiber === yielding && ++operations === k,
      makeDispatcher: () => base.makeDispatcher()
    }
    return Effect.withFiber<A, E, R>((fiber) => {
      yielding = fiber
      return effect
    }).pipe(Effect.provideService(Scheduler.Scheduler, scheduler))
  }

describe("the caller yields between its look and its wait", () => {
  it.live("FO-1: a run ends wherever its caller yields", () =>
    Effect.gen(function* () {
      // Given a batch without a deadline, whose caller yields before its k-th operation
      const hung: Array<number> = []
      for (let k = 1; k < 60; k++) {
        // When its only call ends in that pause
        const run = yieldingAt(k)(FanOut.run([1], () => Effect.yieldNow))
        if (Option.isNone(yield* Effect.timeoutOption(run, "3 seconds"))) hung.push(k)
        if (hung.length > 0) break
      }
      // Then it has ended for every k
      assert.deepStrictEqual(hung, [])
    })
  )
  it.live("FO-1: also on Effect's own scheduler, with a callback of some 2,000 steps", () =>
    Effect.gen(function* () {
      // Given callbacks of n steps on the calling fiber, and the default scheduler (a yield every 2,048 operations)
      const hung: Array<number> = []
      for (let n = 1980; n < 2060; n++) {
        const busy = Effect.gen(function* () {
          for (let i = 0; i < n; i++) yield* Effect.sync(() => i)
        })
        // When the second call ends while the calling fiber has yielded
        const run = FanOut.run([1, 2], () => Effect.yieldNow, { onOutcome: () => busy })
        if (Option.isNone(yield* Effect.timeoutOption(run, "3 seconds"))) hung.push(n)
        if (hung.length > 0) break
      }
      // Then no n makes it hang
      assert.deepStrictEqual(hung, [])
    })
  )
})

describe("a call dies while the caller yields", () => {
  it.live("FO-6: its death is logged, wherever that is", () =>
    Effect.gen(function* () {
      // Given a batch whose caller yields before its k-th operation
      const counts = new Set<number>()
      for (let k = 1; k < 80; k++) {
        let deaths = 0
        const logger = Logger.make(({ message }) => {
          if (String(message).includes("a call died")) deaths++
        })
        // When one call dies, and then the last one, maybe in that pause
        const dies = Effect.andThen(Effect.yieldNow, Effect.die("bug"))
        const run = yieldingAt(k)(FanOut.run([1, 2], () => dies))
        yield* Effect.provide(run, Logger.layer([logger]))
        counts.add(deaths)
      }
      // Then both deaths are logged, for every k
      assert.deepStrictEqual(Array.from(counts), [2])
    })
  )
})

describe("a call dies because its caller goes away", () => {
  const dying = Effect.onInterrupt(Effect.never, () => Effect.die("died while it was interrupted"))
  const ways: ReadonlyArray<readonly [string, Effect.Effect<unknown>]> = [
    ["a run", FanOut.run([1, 2], () => dying)],
    ["a stream", Stream.runDrain(FanOut.stream([1, 2], () => dying))]
  ]
  for (const [name, batch] of ways)
    it.effect(`FO-6: its death is logged, by ${name}`, () =>
      Effect.gen(function* () {
        const lines: Array<unknown> = []
        const logger = Logger.make(({ message }) => {
          lines.push(message)
        })
        // Given a batch whose calls die when they are interrupted
        const fiber = yield* Effect.forkChild(Effect.provide(batch, Logger.layer([logger])), {
          startImmediately: true
        })
        // When its caller is interrupted
        yield* Fiber.interrupt(fiber)
        // Then each death is logged, as there is no report that tells of it
        assert.strictEqual(lines.filter((line) => String(line).includes("a call died")).length, 2)
      })
    )
})

describe("a tick that callbacks hold up", () => {
  const ticksOf = (targets: ReadonlyArray<number>) =>
    Effect.gen(function* () {
      const ticks: Array<readonly [at: number, shown: number, pending: number]> = []
      const clock = yield* Clock.Clock
      const run = FanOut.run(targets, (millis) => Effect.sleep(millis), {
        tickInterval: "10 millis",
        onOutcome: () => Effect.sleep("20 millis"),
        onTick: ({ elapsedMillis, pending }) =>
          Effect.sync(() => ticks.push([clock.currentTimeMillisUnsafe(), elapsedMillis, pending]))
      })
      const fiber = yield* Effect.forkChild(run, { startImmediately: true })
      yield* TestClock.adjust("1 second")
      yield* Fiber.join(fiber)
      return ticks
    })
  it.effect("FO-5: comes once for all that were due, and shows the batch as it is then", () =>
    Effect.gen(function* () {
      // Given callbacks of 20 ms, and targets that settle at 5, 12 and 95 ms
      const ticks = yield* ticksOf([5, 12, 95])
      // When the callbacks have run one after the other, from 5 to 25 and to 45 ms
      // Then one tick comes after each of them, and the others are in time
      assert.deepStrictEqual(ticks, [
        [25, 25, 1],
        [45, 45, 1],
        ...[50, 60, 70, 80, 90].map((millis) => [millis, millis, 1] as const)
      ])
    })
  )
  it.effect("FO-5: does not come when nothing is pending any more", () =>
    Effect.gen(function* () {
      // Given callbacks of 20 ms, and targets that settle at 5, 12 and 30 ms
      const ticks = yield* ticksOf([5, 12, 30])
      // When the second callback runs from 25 to 45 ms, while the last target settles
      // Then the tick that was due meanwhile does not come
      assert.deepStrictEqual(ticks, [[25, 25, 1]])
    })
  )
})

describe("the batch ends while a call is being started", () => {
  const wakesThenWaits = (other: Deferred.Deferred<number>, onInterrupt: () => void) =>
    Effect.andThen(
      Deferred.succeed(other, 1),
      Effect.onInterrupt(Effect.never, () => Effect.sync(onInterrupt))
    )

  it.live("FO-3, FO-8: the start of a call makes another answer, which is enough", () =>
    Effect.gen(function* () {
      // Given a call whose start completes another one, then waits
      const done = Deferred.makeUnsafe<number>()
      let interrupted = false
      const wakes = wakesThenWaits(done, () => {
        interrupted = true
      })
      // When the first answer is enough
      const report = yield* FanOut.run(
        ["waits", "wakes"],
        (t) => (t === "waits" ? Deferred.await(done) : wakes),
        { until: "first" }
      )
      // Then both have an outcome, and the loser is interrupted
      assert.deepStrictEqual(tags(report), ["Answered", "Cancelled"])
      assert.isTrue(interrupted)
    })
  )
  it.live("FO-8: the batch does not return before the call that is being started is interrupted", () =>
    Effect.gen(function* () {
      // Given a batch whose calling fiber waits while a call starts that makes the last answer needed
      const done = Deferred.makeUnsafe<number>()
      let interrupted = false
      const wakes = wakesThenWaits(done, () => {
        interrupted = true
      })
      const call = (target: string) => {
        if (target === "waits") return Deferred.await(done)
        return target === "short" ? Effect.as(Effect.sleep(1), 1) : wakes
      }
      // When the batch returns
      const atReturn = yield* Effect.map(
        FanOut.run(["waits", "short", "wakes"], call, { concurrency: 2, until: { quorum: 2 } }),
        () => interrupted
      )
      // Then that call has been interrupted
      assert.isTrue(atReturn)
    })
  )
  it.live("FO-3: one Ended, and nothing after it", () =>
    Effect.gen(function* () {
      // Given a call function that completes another call before it returns
      const done = Deferred.makeUnsafe<number>()
      const call = (t: string) => {
        if (t === "waits") return Deferred.await(done)
        Deferred.doneUnsafe(done, Effect.succeed(1))
        return Effect.succeed(2)
      }
      // When the first answer is enough
      const events = yield* Stream.runCollect(FanOut.stream(["waits", "wakes"], call, { until: "first" }))
      // Then each target settles once and the batch ends once, last
      assert.deepStrictEqual(
        events.map((e) => e._tag),
        ["Started", "Started", "Settled", "Settled", "Ended"]
      )
    })
  )
  it.live("FO-10: the start of a call interrupts the caller", () =>
    Effect.gen(function* () {
      // Given a second call that interrupts the caller as it starts
      let state = "not started"
      let caller: Fiber.Fiber<unknown, unknown> | undefined
      const second = Effect.andThen(
        Effect.sync(() => {
          state = "running"
          caller?.interruptUnsafe()
        }),
        Effect.onInterrupt(Effect.never, () =>
          Effect.sync(() => {
            state = "interrupted"
          })
        )
      )
      // When the first one ends and the second starts
      caller = yield* Effect.forkChild(
        FanOut.run([1, 2], (t) => (t === 1 ? Effect.sleep(5) : second), { concurrency: 1 }),
        { startImmediately: true }
      )
      yield* Fiber.await(caller)
      // Then the second is interrupted, not left running for ever
      assert.strictEqual(state, "interrupted")
    })
  )
})

describe("an effect that finds the targets", () => {
  class Asked extends FanOut.Service<Asked, string>()("test/Asked", {
    targets: Effect.never,
    call: () => Effect.succeed(1)
  }) {}
  for (const [name, effect] of [
    ["run", Effect.asVoid(Asked.run())],
    ["stream", Stream.runDrain(Asked.stream())]
  ] as const)
    it.effect(`FO-10: can be interrupted (${name})`, () =>
      Effect.gen(function* () {
        // Given a service that waits for its list of targets
        const fiber = yield* Effect.forkChild(Effect.provide(effect, Asked.layer()), {
          startImmediately: true
        })
        // When its caller is interrupted
        yield* Fiber.interrupt(fiber)
        // Then it ends
        assert.isDefined(fiber.pollUnsafe())
      })
    )
})

describe("targets that can be read once", () => {
  for (const name of ["run", "stream"] as const)
    it.effect(`FO-3: ${name} reads them once, also with a policy for each target and a deadline`, () =>
      Effect.gen(function* () {
        // Given targets that can be read once
        const targets = (function* () {
          yield "a"
          yield "b"
        })()
        const options = {
          deadline: "1 second",
          retry: () => Retry.policy({ attempts: 1, backoff: Backoff.none })
        } as const
        // When they are called
        const count =
          name === "run"
            ? (yield* FanOut.run(targets, () => Effect.succeed(1), options)).outcomes.length
            : (yield* Stream.runCollect(FanOut.stream(targets, () => Effect.succeed(1), options))).filter(
                (e) => e._tag === "Settled"
              ).length
        // Then each of them has an outcome
        assert.strictEqual(count, 2)
      })
    )
})

describe("the worst case of extreme numbers", () => {
  it("FO-9: with infinite concurrency it is that of one target, not zero", () => {
    const retry = Retry.policy({ attempts: 1, attemptTimeout: "8 seconds", backoff: Backoff.none })
    assert.strictEqual(
      Duration.toMillis(FanOut.worstCase({ targets: 5, concurrency: Infinity, retry })),
      8000
    )
  })
  it("targets that are not a number have no meaning", () => {
    assert.throws(() => FanOut.worstCase({ targets: Number.NaN }), InvalidOptions)
  })
})

describe("a service with a policy for each target", () => {
  it.live("FO-9: warns that a target may take longer than the deadline", () =>
    Effect.gen(function* () {
      // Given a service whose policy is a function of the target, and takes longer than the deadline
      const slow = Retry.policy({ attempts: 2, attemptTimeout: "8 seconds", backoff: Backoff.none })
      class Push extends FanOut.Service<Push, string>()("test/Push", {
        targets: ["a"],
        call: () => Effect.void,
        deadline: "10 seconds",
        retry: () => slow
      }) {}
      const lines: Array<string> = []
      const logger = Logger.make(({ message }) => {
        lines.push(String(message))
      })
      // When it is run
      yield* Effect.provide(Push.run(), [Push.layer(), Logger.layer([logger])])
      // Then one warning has both numbers
      assert.strictEqual(lines.length, 1)
      assert.include(lines[0], "16s")
      assert.include(lines[0], "10s")
    })
  )
})

describe("a defect that cannot be printed", () => {
  const unprintable = () =>
    new (class extends Error {
      override get message(): string {
        throw new Error("unprintable")
      }
    })()
  it.live("FO-6: of a call fails that call only", () =>
    Effect.gen(function* () {
      const report = yield* FanOut.run([1, 2], (t) =>
        t === 1 ? Effect.die(unprintable()) : Effect.succeed(2)
      )
      assert.deepStrictEqual(tags(report), ["Failed", "Answered"])
    })
  )
  it.live("FO-6: of a callback harms nobody", () =>
    Effect.gen(function* () {
      const report = yield* FanOut.run([1], () => Effect.succeed(1), {
        onOutcome: () => Effect.die(unprintable())
      })
      assert.deepStrictEqual(tags(report), ["Answered"])
    })
  )
})

describe("the fiber that started a stream ends before the batch", () => {
  it.live("DL-1: abandoned calls are in the application's list", () =>
    Effect.gen(function* () {
      // Given an application with a list of its own, and a stream read with `for await`, where each pull is a fiber
      const stream = FanOut.stream(
        ["stubborn", "fast"],
        (t) =>
          t === "stubborn" ? Effect.uninterruptible(Effect.sleep("100 millis")) : Effect.sleep("5 millis"),
        { until: "first", label: "mine" }
      )
      const program = Effect.gen(function* () {
        const context = yield* Effect.context<never>()
        // When the batch leaves work behind
        yield* Effect.promise(async () => {
          let events = 0
          for await (const _ of Stream.toAsyncIterableWith(stream, context)) events++
          assert.isAbove(events, 0)
        })
        return (yield* Deadline.abandoned).map((work) => work.label)
      })
      // Then the list has it
      assert.deepStrictEqual(yield* Effect.provide(program, Deadline.layerAbandoned()), ["mine"])
    })
  )
  it.effect("FO-5: ticks stay on the clock of the batch", () =>
    Effect.scoped(
      Effect.gen(function* () {
        // Given a stream on a test clock whose first pull ran on a fiber that has ended
        let ticks = 0
        const pull = yield* Stream.toPull(
          FanOut.stream([1], () => Effect.never, { tickInterval: "1 second" })
        )
        yield* Fiber.join(yield* Effect.forkChild(pull, { startImmediately: true }))
        // When another fiber pulls the rest while the test clock moves by 1.5 s
        const rest = yield* Effect.forkChild(
          Effect.forever(
            Effect.tap(pull, (events) =>
              Effect.sync(() => {
                ticks += events.length
              })
            )
          ),
          { startImmediately: true }
        )
        yield* TestClock.adjust("1500 millis")
        yield* TestClock.withLive(Effect.sleep("50 millis"))
        yield* Fiber.interrupt(rest)
        // Then one tick came
        assert.strictEqual(ticks, 1)
      })
    )
  )
})

describe("a retry that a blocked event loop makes late", () => {
  it.live("FO-7, RT-3: a blocked event loop does not start one late", () =>
    Effect.gen(function* () {
      // Given a call that is retried in 20 ms, under 40 ms
      let starts = 0
      const call = Effect.suspend(() => {
        starts++
        return Effect.fail("down")
      })
      const retry = Retry.policy({ attempts: 3, backoff: Backoff.constant("20 millis", { jitter: "none" }) })
      const fiber = yield* Effect.forkChild(
        FanOut.run([1], () => call, { deadline: "40 millis", retry }),
        { startImmediately: true }
      )
      // When the event loop is blocked until after the deadline
      const end = performance.now() + 80
      while (performance.now() < end);
      yield* Fiber.join(fiber)
      // Then nothing was started late
      assert.strictEqual(starts, 1)
    })
  )
})

describe("a report that is satisfied", () => {
  it.live("holds when the batch ended because `until` held", () =>
    Effect.gen(function* () {
      const report = yield* FanOut.run([1, 2], (t) => (t === 1 ? Effect.succeed(1) : Effect.never), {
        until: (p) => p.outcomes.length === 1
      })
      assert.strictEqual(report.ended, "Until")
      assert.isTrue(report.satisfied)
    })
  )
  it.live("does not hold because the deadline settled the rest", () =>
    Effect.gen(function* () {
      const report = yield* FanOut.run([1, 2], () => Effect.never, {
        deadline: "10 millis",
        until: (p) => p.outcomes.length >= 2
      })
      assert.strictEqual(report.ended, "Deadline")
      assert.isFalse(report.satisfied)
    })
  )
})

describe("an `until` with side effects", () => {
  it.live("FO-3: ends the batch once", () =>
    Effect.gen(function* () {
      // Given an `until` that makes the last call answer
      const done = Deferred.makeUnsafe<number>()
      let ended = 0
      const until = (p: FanOut.Progress<number, unknown, unknown>) => {
        if (p.answered.length > 0) Deferred.doneUnsafe(done, Effect.succeed(1))
        return p.answered.length > 0
      }
      // When the first answers
      const events = yield* Stream.runCollect(
        FanOut.stream([1, 2], (t) => (t === 1 ? Deferred.await(done) : Effect.sync(() => 2)), { until })
      )
      for (const e of events) if (e._tag === "Ended") ended++
      // Then it ends once, and each has one outcome
      assert.strictEqual(ended, 1)
    })
  )
})

describe("the span of a layer's build", () => {
  it.live("a caller without a span does not get that of the layer's build", () =>
    Effect.gen(function* () {
      class Spy extends FanOut.Service<Spy, string>()("Spy", {
        targets: ["a"],
        call: () => Effect.map(Effect.option(Effect.currentSpan), Option.isSome)
      }) {}
      const context = yield* Effect.withSpan(Effect.scoped(Layer.build(Spy.layer())), "build")
      const report = yield* Effect.provide(Spy.run(), context)
      assert.isFalse(report.answered[0]?.value)
    })
  )
})

describe("an `until` that takes long", () => {
  it.live("FO-7: starts nothing after the deadline", () =>
    Effect.gen(function* () {
      // Given an `until` that keeps the event loop until the deadline is over, when the first call has answered
      const until = (soFar: { readonly answered: ReadonlyArray<unknown> }) => {
        const end = performance.now() + (soFar.answered.length === 1 ? 1100 : 0)
        while (performance.now() < end);
        return false
      }
      // When the first of two calls ends, one at a time
      const started: Array<number> = []
      const call = (t: number) =>
        Effect.andThen(
          Effect.sync(() => started.push(t)),
          Effect.sleep("5 millis")
        )
      yield* FanOut.run([1, 2], call, { concurrency: 1, deadline: "1 second", until })
      // Then the second is not started
      assert.deepStrictEqual(started, [1])
    })
  )
})
