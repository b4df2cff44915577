import { assert, describe, it } from "@effect/vitest"
import { Deadline, InvalidOptions } from "@holdfast/core"
import { Cause, Clock, Context, Duration, Effect, Exit, Fiber, Latch, Layer, Metric, Ref } from "effect"
import { TestClock } from "effect/testing"
import * as Active from "./utils/active.ts"
import { elapsedMillis } from "./utils/time.ts"

const isExceeded = (exit: Exit.Exit<unknown, unknown>): Deadline.DeadlineExceeded => {
  if (Exit.isFailure(exit)) {
    const error = Cause.squash(exit.cause)
    if (error instanceof Deadline.DeadlineExceeded) return error
  }
  return assert.fail(`expected DeadlineExceeded, got ${exit}`)
}

/** Forks, lets the clock run for `millis`, and gives the fiber. */
const forkFor = <A, E>(effect: Effect.Effect<A, E>, millis: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(effect, { startImmediately: true })
    yield* TestClock.adjust(millis)
    return fiber
  })

describe("Deadline", () => {
  describe("within", () => {
    it.effect("DL-1: work that never ends is cut off at its deadline, and the error tells the numbers", () =>
      Effect.gen(function* () {
        const fiber = yield* forkFor(Deadline.within(Effect.never, "1 second", { label: "quote" }), 999)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        const error = isExceeded(yield* Fiber.await(fiber))
        assert.deepStrictEqual(
          {
            label: error.label,
            budget: error.budgetMillis,
            elapsed: error.elapsedMillis,
            inherited: error.inherited
          },
          { label: "quote", budget: 1000, elapsed: 1000, inherited: false }
        )
        assert.include(error.message, "quote")
      })
    )

    it.effect("DL-1: work that cannot be interrupted is abandoned, and listed until it ends", () =>
      Effect.gen(function* () {
        const stubborn = Effect.uninterruptible(Effect.sleep("500 millis"))
        const fiber = yield* forkFor(Deadline.within(stubborn, "50 millis", { label: "stubborn" }), 50)
        isExceeded(yield* Fiber.await(fiber))
        assert.strictEqual(yield* elapsedMillis, 50)
        assert.deepStrictEqual(yield* Deadline.abandoned, [{ label: "stubborn", sinceMillis: 50 }])
        yield* TestClock.adjust(450)
        assert.deepStrictEqual(yield* Deadline.abandoned, [])
      })
    )

    it.effect("DL-1: a finalizer that hangs does not hold the caller", () =>
      Effect.gen(function* () {
        const hanging = Effect.ensuring(Effect.never, Effect.sleep("2 seconds"))
        const fiber = yield* forkFor(Deadline.within(hanging, "1 second"), 1000)
        isExceeded(yield* Fiber.await(fiber))
        assert.strictEqual((yield* Deadline.abandoned).length, 1)
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual((yield* Deadline.abandoned).length, 0)
      })
    )

    it.effect("DL-1: interruptible work is interrupted, and nothing is abandoned", () =>
      Effect.gen(function* () {
        const interrupted = yield* Ref.make(false)
        const work = Effect.onInterrupt(Effect.never, () => Ref.set(interrupted, true))
        const fiber = yield* forkFor(Deadline.within(work, "1 second"), 1000)
        isExceeded(yield* Fiber.await(fiber))
        assert.isTrue(yield* Ref.get(interrupted))
        assert.deepStrictEqual(yield* Deadline.abandoned, [])
      })
    )

    it.effect("DL-1: abandoned work is counted", () =>
      Effect.gen(function* () {
        const counter = Metric.counter("holdfast_deadline_abandoned", {
          description: "Work that was interrupted at its deadline and had not ended when its caller went on",
          incremental: true
        })
        const before = (yield* Metric.value(counter)).count
        const fiber = yield* forkFor(Deadline.within(Effect.uninterruptible(Effect.sleep(10)), 5), 5)
        yield* Fiber.await(fiber)
        assert.strictEqual((yield* Metric.value(counter)).count, before + 1)
        yield* TestClock.adjust(5)
      })
    )

    it.effect("DL-1: an interrupted caller waits for stubborn work, but not past the deadline", () =>
      Effect.gen(function* () {
        const stubborn = Effect.uninterruptible(Effect.sleep("1 minute"))
        const fiber = yield* forkFor(Deadline.within(stubborn, "10 seconds"), 1000)
        fiber.interruptUnsafe()
        yield* TestClock.adjust("8 seconds")
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust("1 second")
        const exit = fiber.pollUnsafe()
        assert.isTrue(exit !== undefined && Exit.hasInterrupts(exit))
        assert.strictEqual((yield* Deadline.abandoned).length, 1)
        yield* TestClock.adjust("1 minute")
      })
    )

    it.live("DL-1: the live clock keeps it too", () =>
      Effect.gen(function* () {
        const release = yield* Latch.make()
        const stubborn = Effect.uninterruptible(release.await)
        const exit = yield* Effect.exit(Deadline.within(stubborn, "20 millis"))
        isExceeded(exit)
        yield* release.open
      }).pipe(Effect.provide(Deadline.layerAbandoned()))
    )

    it.effect("DL-2: a nested deadline cannot outlast the outer one", () =>
      Effect.gen(function* () {
        const inner = Deadline.within(Effect.never, "5 seconds", { label: "inner" })
        const fiber = yield* forkFor(Deadline.within(inner, "1 second", { label: "outer" }), 1000)
        const error = isExceeded(yield* Fiber.await(fiber))
        assert.strictEqual(error.label, "outer")
        assert.strictEqual(error.elapsedMillis, 1000)
        assert.isFalse(error.inherited)
      })
    )

    it.effect("DL-2: further in, the same limit is reported as inherited, with its owner's label", () =>
      Effect.gen(function* () {
        const inner = Effect.delay(
          Effect.flip(Deadline.within(Effect.never, "5 seconds", { label: "inner" })),
          "400 millis"
        )
        const fiber = yield* forkFor(Deadline.within(inner, "1 second", { label: "outer" }), 1000)
        const error = yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          {
            label: error.label,
            budget: error.budgetMillis,
            elapsed: error.elapsedMillis,
            inherited: error.inherited
          },
          { label: "outer", budget: 600, elapsed: 600, inherited: true }
        )
      })
    )

    it.live("DL-2: which of the nested limits reports first is not left to chance on the live clock", () =>
      Effect.gen(function* () {
        for (let i = 0; i < 20; i++) {
          const inner = Effect.delay(Effect.flip(Deadline.within(Effect.never, "5 seconds")), 1)
          const error = yield* Deadline.within(inner, 4, { label: "outer" })
          assert.isTrue(error.inherited)
          assert.strictEqual(error.label, "outer")
        }
      })
    )

    it.effect("DL-2: of several that inherit one limit, the innermost reports first", () =>
      Effect.gen(function* () {
        const seen = yield* Ref.make<ReadonlyArray<string>>([])
        const note =
          (name: string) =>
          <A, E>(self: Effect.Effect<A, E>) =>
            Effect.tapError(self, () => Ref.update(seen, (all) => [...all, name]))
        const inner = Deadline.within(Effect.never, "6 seconds").pipe(note("inner"))
        const middle = Deadline.within(inner, "5 seconds").pipe(note("middle"))
        const fiber = yield* forkFor(
          Deadline.within(middle, "1 second", { label: "outer" }).pipe(note("outer")),
          1000
        )
        const error = isExceeded(yield* Fiber.await(fiber))
        assert.deepStrictEqual(yield* Ref.get(seen), ["inner", "middle", "outer"])
        assert.isFalse(error.inherited)
      })
    )

    it.effect("DL-2: a shorter nested deadline is one's own", () =>
      Effect.gen(function* () {
        const inner = Effect.flip(Deadline.within(Effect.never, "1 second", { label: "inner" }))
        const fiber = yield* forkFor(Deadline.within(inner, "5 seconds", { label: "outer" }), 1000)
        const error = yield* Fiber.join(fiber)
        assert.strictEqual(error.label, "inner")
        assert.isFalse(error.inherited)
      })
    )

    it.effect("DL-2: a deadline reaches work that an outer limit cannot interrupt", () =>
      Effect.gen(function* () {
        const seen = yield* Ref.make<Deadline.DeadlineExceeded | undefined>(undefined)
        const inner = Deadline.within(Effect.never, "5 seconds", { label: "inner" }).pipe(
          Effect.catch((error) => Ref.set(seen, error)),
          Effect.uninterruptible
        )
        const fiber = yield* forkFor(Deadline.within(inner, "1 second", { label: "outer" }), 1000)
        yield* Fiber.await(fiber)
        assert.isTrue((yield* Ref.get(seen))?.inherited)
        assert.deepStrictEqual(yield* Deadline.abandoned, [])
      })
    )

    it.effect("DL-3: work that ends at the very instant wins", () =>
      Effect.gen(function* () {
        const fiber = yield* forkFor(
          Deadline.within(Effect.as(Effect.sleep("1 second"), "done"), "1 second"),
          1000
        )
        assert.strictEqual(yield* Fiber.join(fiber), "done")
      })
    )

    it.effect("DL-3: so does work of several steps whose last one ends at the very instant", () =>
      Effect.gen(function* () {
        const work = Effect.sleep("300 millis").pipe(
          Effect.andThen(Effect.sleep("300 millis")),
          Effect.andThen(Effect.sleep("400 millis")),
          Effect.andThen(Effect.yieldNow),
          Effect.as("done")
        )
        const fiber = yield* forkFor(Deadline.within(work, "1 second"), 1000)
        assert.strictEqual(yield* Fiber.join(fiber), "done")
      })
    )

    for (const kind of ["live", "decorated"] as const) {
      it.live(
        `DL-3: after the event loop was blocked, what is ready wins over the deadline on a ${kind} clock`,
        () =>
          Effect.gen(function* () {
            const live = yield* Clock.Clock
            const clock: Clock.Clock = kind === "live" ? live : Object.create(live)
            const work = Effect.callback<string>((resume) => {
              setTimeout(() => resume(Effect.succeed("done")), 12)
            })
            const fiber = yield* Deadline.within(work, 10).pipe(
              Effect.provideService(Clock.Clock, clock),
              Effect.forkChild({ startImmediately: true })
            )
            const end = process.hrtime.bigint() + 40_000_000n
            while (process.hrtime.bigint() < end);
            assert.strictEqual(yield* Fiber.join(fiber), "done")
          })
      )
    }

    it.effect("DL-3: a failure that is ready at the instant wins as well", () =>
      Effect.gen(function* () {
        const work = Effect.andThen(Effect.sleep("1 second"), Effect.fail("refused"))
        const fiber = yield* forkFor(Effect.flip(Deadline.within(work, "1 second")), 1000)
        assert.strictEqual(yield* Fiber.join(fiber), "refused")
      })
    )

    it.effect("DL-4: an interruption from outside stays an interruption", () =>
      Effect.gen(function* () {
        const fiber = yield* forkFor(Deadline.within(Effect.never, "1 second"), 500)
        yield* Fiber.interrupt(fiber)
        const exit = yield* Fiber.await(fiber)
        assert.isTrue(Exit.isFailure(exit) && Cause.hasInterruptsOnly(exit.cause))
      })
    )

    it.effect("DL-4: finalizers of the work have run when the interrupted caller ends", () =>
      Effect.gen(function* () {
        const released = yield* Ref.make(false)
        const work = Effect.ensuring(Effect.never, Effect.andThen(Effect.sleep(100), Ref.set(released, true)))
        const fiber = yield* forkFor(Deadline.within(work, "1 second"), 500)
        fiber.interruptUnsafe()
        yield* TestClock.adjust(100)
        assert.isDefined(fiber.pollUnsafe())
        assert.isTrue(yield* Ref.get(released))
      })
    )

    it.effect("DL-4: work that interrupts itself is an interruption too", () =>
      Effect.gen(function* () {
        const exit = yield* Effect.exit(
          Deadline.within(Effect.andThen(Effect.yieldNow, Effect.interrupt), "1 second")
        )
        assert.isTrue(Exit.hasInterrupts(exit))
      })
    )

    it.live("DL-5: early success leaves no timer and no fiber on the live clock", () =>
      Effect.gen(function* () {
        const { fibers, timers } = yield* Active.left(Deadline.within(Effect.yieldNow, "1 hour"))
        assert.deepStrictEqual({ fibers, timers }, { fibers: 0, timers: 0 })
      })
    )

    it.effect("DL-5: nor a sleeper on any other clock", () =>
      Effect.gen(function* () {
        const { fibers } = yield* Active.left(Deadline.within(Effect.yieldNow, "1 hour"))
        assert.strictEqual(fibers, 0)
      })
    )

    it.effect("DL-5: work that ends at once never starts a timer", () =>
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        let sleeps = 0
        const counting: Clock.Clock = Object.assign(Object.create(clock), {
          sleep: (duration: Duration.Duration) => {
            sleeps++
            return clock.sleep(duration)
          }
        })
        const value = yield* Effect.provideService(
          Deadline.within(Effect.succeed(1), "1 second"),
          Clock.Clock,
          counting
        )
        assert.strictEqual(value, 1)
        assert.strictEqual(sleeps, 0)
        yield* Effect.provideService(Deadline.within(Effect.yieldNow, "1 second"), Clock.Clock, counting)
        assert.strictEqual(sleeps, 1)
      })
    )

    for (const budget of [0, -5, "-1 second", Number.NEGATIVE_INFINITY, "0 millis"] as const) {
      it.effect(`DL-6: a budget of ${budget} starts no work`, () =>
        Effect.gen(function* () {
          let started = false
          const work = Effect.sync(() => {
            started = true
          })
          const error = isExceeded(yield* Effect.exit(Deadline.within(work, budget)))
          assert.strictEqual(error.budgetMillis, 0)
          assert.isFalse(started)
        })
      )
    }

    it.effect("DL-6: nor does a budget that an outer deadline has used up", () =>
      Effect.gen(function* () {
        let started = false
        const late = Deadline.within(
          Effect.sync(() => {
            started = true
          }),
          "1 second",
          { label: "late" }
        )
        const stubborn = Effect.uninterruptible(Effect.andThen(Effect.sleep("2 seconds"), Effect.flip(late)))
        const seen = yield* Ref.make<Deadline.DeadlineExceeded | undefined>(undefined)
        const work = Effect.uninterruptible(Effect.flatMap(stubborn, (error) => Ref.set(seen, error)))
        yield* forkFor(Effect.exit(Deadline.within(work, "1 second", { label: "outer" })), 2000)
        const error = yield* Ref.get(seen)
        assert.strictEqual(error?.label, "outer")
        assert.isTrue(error?.inherited)
        assert.isFalse(started)
      })
    )

    it.live("DL-7: the wall clock may jump, deadlines do not move", () =>
      Effect.gen(function* () {
        const live = yield* Clock.Clock
        let wall = 1_000_000
        const jumping: Clock.Clock = Object.assign(Object.create(live), {
          currentTimeMillisUnsafe: () => (wall += 3_600_000),
          currentTimeMillis: Effect.sync(() => (wall -= 86_400_000))
        })
        const error = yield* Deadline.within(Effect.never, 20).pipe(
          Effect.flip,
          Effect.provideService(Clock.Clock, jumping)
        )
        assert.isAtLeast(error.elapsedMillis, 19.9)
        assert.isBelow(error.elapsedMillis, 60_000)
        const done = yield* Effect.provideService(
          Deadline.within(Effect.sleep(5), "1 minute"),
          Clock.Clock,
          jumping
        )
        assert.isUndefined(done)
      })
    )

    it.effect("DL-7: an instant that floating-point milliseconds cannot hold is met exactly", () =>
      Effect.gen(function* () {
        for (const [at, budget] of [
          [0, 33.3],
          [1_795_305_600_000, 33.3],
          [1_795_305_600_123.456, 0.1],
          [0, 1e-3],
          [2 ** 52, 5]
        ] as const) {
          yield* TestClock.setTime(at)
          const fiber = yield* forkFor(Deadline.within(Effect.never, budget), budget)
          assert.isDefined(fiber.pollUnsafe(), `${budget} ms from ${at}`)
        }
      })
    )

    it.effect("DL-7: a clock that cannot resolve what is left ends the wait instead of spinning", () =>
      Effect.gen(function* () {
        const clock = yield* Clock.Clock
        const coarse: Clock.Clock = Object.assign(Object.create(clock), { sleep: () => Effect.void })
        isExceeded(
          yield* Effect.exit(Effect.provideService(Deadline.within(Effect.never, 0.4), Clock.Clock, coarse))
        )
      })
    )

    it.effect("an infinite budget is no bound", () =>
      Effect.gen(function* () {
        const fiber = yield* forkFor(
          Deadline.within(Effect.as(Effect.sleep("10 days"), 1), Duration.infinity),
          864_000_000
        )
        assert.strictEqual(yield* Fiber.join(fiber), 1)
      })
    )

    it.effect("an infinite budget still inherits", () =>
      Effect.gen(function* () {
        const inner = Effect.flip(Deadline.within(Effect.never, Duration.infinity))
        const fiber = yield* forkFor(Deadline.within(inner, "1 second", { label: "outer" }), 1000)
        assert.strictEqual((yield* Fiber.join(fiber)).label, "outer")
      })
    )

    it("a budget that is not a number is refused where it is written", () => {
      assert.throws(() => Deadline.within(Effect.void, NaN), InvalidOptions)
      assert.throws(() => Effect.void.pipe(Deadline.within(NaN)), InvalidOptions)
    })

    it.effect("the same effect may run many times at once", () =>
      Effect.gen(function* () {
        const one = Effect.flip(Deadline.within(Effect.never, "1 second"))
        const fiber = yield* forkFor(
          Effect.all([one, one, Effect.delay(one, 500)], { concurrency: "unbounded" }),
          1500
        )
        const errors = yield* Fiber.join(fiber)
        assert.deepStrictEqual(
          errors.map((error) => error.elapsedMillis),
          [1000, 1000, 1000]
        )
      })
    )

    it.effect("work sees the services of its caller", () =>
      Effect.gen(function* () {
        const label = yield* Deadline.within(
          Effect.map(Deadline.Current, (deadline) => deadline?.label),
          "1 second",
          { label: "mine" }
        )
        assert.strictEqual(label, "mine")
      })
    )
  })

  describe("remaining, clip, shield", () => {
    it.effect("remaining shrinks and is never negative", () =>
      Effect.gen(function* () {
        const readings = Effect.uninterruptible(
          Effect.gen(function* () {
            const first = yield* Deadline.remaining
            yield* Effect.sleep("400 millis")
            const second = yield* Deadline.remaining
            yield* Effect.sleep("1 second")
            const third = yield* Deadline.remaining
            yield* Ref.set(seen, [first, second, third].map(Duration.toMillis))
          })
        )
        const seen = yield* Ref.make<ReadonlyArray<number>>([])
        yield* forkFor(Effect.exit(Deadline.within(readings, "1 second")), 2000)
        assert.deepStrictEqual(yield* Ref.get(seen), [1000, 600, 0])
      })
    )

    it.effect("clip is the shorter of the two, and never negative", () =>
      Effect.gen(function* () {
        assert.strictEqual(Duration.toMillis(yield* Deadline.clip("5 seconds")), 5000)
        assert.strictEqual(Duration.toMillis(yield* Deadline.clip(-5)), 0)
        const clipped = yield* Deadline.within(Deadline.clip("5 seconds"), "1 second")
        assert.strictEqual(Duration.toMillis(clipped), 1000)
        const kept = yield* Deadline.within(Deadline.clip("500 millis"), "1 second")
        assert.strictEqual(Duration.toMillis(kept), 500)
      })
    )

    it.effect("shield hides the ambient deadline", () =>
      Effect.gen(function* () {
        const left = yield* Deadline.within(Deadline.shield(Deadline.remaining), "1 second")
        assert.isFalse(Duration.isFinite(left))
      })
    )
  })

  describe("layerAbandoned", () => {
    it.effect("DL-1: releasing it waits for abandoned work", () =>
      Effect.gen(function* () {
        const ended = yield* Ref.make(false)
        const stubborn = Effect.uninterruptible(
          Effect.andThen(Effect.sleep("3 seconds"), Ref.set(ended, true))
        )
        const app = Effect.provide(
          Effect.exit(Deadline.within(stubborn, "1 second")),
          Deadline.layerAbandoned()
        )
        const fiber = yield* forkFor(app, 2999)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        yield* Fiber.await(fiber)
        assert.isTrue(yield* Ref.get(ended))
      })
    )

    it.effect("DL-1: between services and their resources, it joins work before these are released", () =>
      Effect.gen(function* () {
        const events = yield* Ref.make<ReadonlyArray<string>>([])
        const note = (event: string) => Ref.update(events, (all) => [...all, event])
        class Pool extends Context.Service<Pool, string>()("test/Pool") {}
        class Writer extends Context.Service<Writer, Effect.Effect<void>>()("test/Writer") {}
        const pool = Layer.effect(
          Pool,
          Effect.acquireRelease(Effect.succeed("pool"), () => note("pool released"))
        )
        const writer = Layer.effect(
          Writer,
          Effect.gen(function* () {
            yield* Effect.acquireRelease(Effect.void, () => note("writer released"))
            yield* Pool
            const write = Effect.uninterruptible(Effect.andThen(Effect.sleep("3 seconds"), note("written")))
            return Effect.ignore(Deadline.within(write, "1 second"))
          })
        )
        const app = writer.pipe(Layer.provideMerge(Deadline.layerAbandoned()), Layer.provide(pool))
        const program = Effect.flatten(Writer)
        yield* forkFor(Effect.provide(program, app), 3000)
        assert.deepStrictEqual(yield* Ref.get(events), ["writer released", "written", "pool released"])
      })
    )

    it.effect("DL-1: for its join time-out at most", () =>
      Effect.gen(function* () {
        const stubborn = Effect.uninterruptible(Effect.never)
        const layer = Deadline.layerAbandoned({ joinTimeout: "2 seconds" })
        const app = Effect.provide(
          Effect.exit(Deadline.within(stubborn, "1 second", { label: "stubborn" })),
          layer
        )
        const fiber = yield* forkFor(app, 2999)
        assert.isUndefined(fiber.pollUnsafe())
        yield* TestClock.adjust(1)
        assert.isDefined(fiber.pollUnsafe())
      })
    )
  })

  describe("wire format", () => {
    it("has at most eight digits and the finest unit that fits, rounded down", () => {
      const header = (input: Duration.Input) => Deadline.toHeader(Duration.fromInputUnsafe(input))
      assert.strictEqual(header("1 millis"), "1000000n")
      assert.strictEqual(header("99 millis"), "99000000n")
      assert.strictEqual(header("100 millis"), "100000u")
      assert.strictEqual(header("30 seconds"), "30000000u")
      assert.strictEqual(header("100 seconds"), "100000m")
      assert.strictEqual(header(100_000_000.9), "100000S")
      assert.strictEqual(header("1000000 hours"), "60000000M")
      assert.strictEqual(header("99999999 hours"), "99999999H")
      assert.strictEqual(header("100000000 hours"), undefined)
      assert.strictEqual(header(0), "0n")
      assert.strictEqual(header(-1), "0n")
      assert.strictEqual(header(Duration.negativeInfinity), "0n")
    })

    it("reads back no more than was written", () => {
      for (const millis of [0.5, 1, 99.999999, 12_345.678, 99_999_999, 123_456_789, 9e12]) {
        const header = Deadline.toHeader(Duration.millis(millis))
        const back = Deadline.fromHeader(header ?? "")
        assert.isDefined(back)
        if (back !== undefined) assert.isAtMost(Duration.toMillis(back), millis)
      }
    })

    it("refuses what is malformed", () => {
      for (const bad of [
        "",
        "5",
        "S",
        "-5S",
        "5s",
        "5.5S",
        "123456789S",
        " 5S",
        "5S ",
        "5S\n",
        "0x5S",
        "٥S",
        "NaNm"
      ]) {
        assert.isUndefined(Deadline.fromHeader(bad), bad)
      }
    })
  })
})
