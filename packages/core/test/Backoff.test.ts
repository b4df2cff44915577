import { assert, describe, it } from "@effect/vitest"
import { Backoff } from "@holdfast/core"
import {
  Config,
  ConfigProvider,
  Duration,
  Effect,
  Equal,
  Exit,
  Fiber,
  Random,
  Schedule,
  Schema
} from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { problemOf } from "./utils/problem.ts"

const jitters: ReadonlyArray<Backoff.Jitter> = [
  "none",
  "full",
  "equal",
  "decorrelated",
  Backoff.proportional(0.2)
]

const millis = (duration: Duration.Duration) => Duration.toMillis(duration)

const boundsMillis = (backoff: Backoff.Backoff, attempt: number) => {
  const { max, min } = Backoff.bounds(backoff, attempt)
  return [millis(min), millis(max)]
}

/** Chance that always comes out the same: 0 draws the least value, almost 1 the greatest. */
const withChance = (chance: number) =>
  Effect.provideService(Random.Random, { nextIntUnsafe: () => 0, nextDoubleUnsafe: () => chance })

const draw = (backoff: Backoff.Backoff, attempt: number, chance: number, previous?: Duration.Duration) =>
  Effect.runSync(withChance(chance)(Backoff.delay(backoff, attempt, previous)))

// ----------------------------------------------------------------------------
// What can be thought of as a backoff, with the extremes well represented
// ----------------------------------------------------------------------------

const day = 86_400_000_000_000n
const anyDelay = fc
  .oneof(
    fc.bigInt({ min: 0n, max: 1_000n }),
    fc.bigInt({ min: 0n, max: day }),
    fc.bigInt({ min: 0n, max: 4_000n * day })
  )
  .map(Duration.nanos)
const anyCap = fc.oneof(anyDelay, fc.constantFrom(Duration.infinity, Duration.zero, Duration.seconds(30)))
const anyJitter = fc.oneof(
  fc.constantFrom<Backoff.Jitter>("none", "full", "equal", "decorrelated"),
  fc.double({ min: 0, max: 1, noNaN: true }).map(Backoff.proportional)
)
const anyFactor = fc.oneof(
  fc.double({ min: 1, max: 4, noNaN: true }),
  fc.constantFrom(1, 1 + Number.EPSILON, 1e300)
)
const anyBackoff: fc.Arbitrary<Backoff.Backoff> = fc.oneof(
  fc.tuple(anyDelay, anyJitter).map(([delay, jitter]) => Backoff.constant(delay, { jitter })),
  fc.record({ base: anyDelay, step: anyDelay, cap: anyCap, jitter: anyJitter }).map(Backoff.linear),
  fc.record({ base: anyDelay, factor: anyFactor, cap: anyCap, jitter: anyJitter }).map(Backoff.exponential)
)
const anyAttempt = fc.oneof(
  fc.integer({ min: 1, max: 100 }),
  fc.integer({ min: 1, max: 1_000_000 }),
  fc.constantFrom(1_000_000, Number.MAX_SAFE_INTEGER, Number.MAX_VALUE, Infinity)
)
const anyChance = fc.oneof(
  fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  fc.constant(1 - 2 ** -53)
)

const capOf = (backoff: Backoff.Backoff) => (backoff._tag === "Constant" ? Duration.infinity : backoff.cap)

const assertBetween = (delay: Duration.Duration, minimum: Duration.Duration, maximum: Duration.Duration) => {
  if (!Duration.between(delay, { minimum, maximum }))
    assert.fail(`${delay} is not between ${minimum} and ${maximum}`)
}

describe("Backoff", () => {
  describe("bounds and delay", () => {
    it("RT-5: no delay is negative, over its cap or out of its bounds, at any attempt number", () => {
      fc.assert(
        fc.property(anyBackoff, anyAttempt, anyChance, (backoff, attempt, chance) => {
          const { max, min } = Backoff.bounds(backoff, attempt)
          assertBetween(max, min, capOf(backoff))
          assertBetween(min, Duration.zero, max)
          assert.isTrue(Duration.isFinite(max))
          assertBetween(draw(backoff, attempt, chance), min, max)
        }),
        { numRuns: 2_000 }
      )
    })

    it("RT-5: with every jitter the longest delay stays at its cap up to attempt 1,000,000", () => {
      const cap = Duration.seconds(30)
      for (const jitter of jitters) {
        const backoff = Backoff.exponential({ base: "1 second", cap, jitter })
        for (let attempt = 1; attempt <= 1_000_000; attempt += 997) {
          assertBetween(Backoff.bounds(backoff, attempt).max, Duration.seconds(1), cap)
        }
        assert.strictEqual(millis(Backoff.bounds(backoff, 1_000_000).max), 30_000)
      }
    })

    it("RT-5: a base of zero stays zero where the factor has overflowed", () => {
      for (const jitter of jitters) {
        for (const attempt of [1, 2_000, Infinity]) {
          assert.deepStrictEqual(boundsMillis(Backoff.exponential({ base: 0, jitter }), attempt), [0, 0])
        }
      }
    })

    it("RT-5: growth by nothing stays the base for ever", () => {
      for (const attempt of [1, 2_000, Infinity]) {
        const still = Backoff.exponential({ base: "1 second", factor: 1, jitter: "none" })
        assert.deepStrictEqual(boundsMillis(still, attempt), [1_000, 1_000])
        const flat = Backoff.linear({ base: "1 second", step: 0, jitter: "none" })
        assert.deepStrictEqual(boundsMillis(flat, attempt), [1_000, 1_000])
      }
    })

    it("RT-5: an infinite cap ends at the greatest number of milliseconds that is exact", () => {
      const backoff = Backoff.exponential({ base: "1 second", cap: Infinity, jitter: "none" })
      assert.deepStrictEqual(boundsMillis(backoff, 40), [2 ** 39 * 1_000, 2 ** 39 * 1_000])
      assert.deepStrictEqual(boundsMillis(backoff, 1_000_000), [
        Number.MAX_SAFE_INTEGER,
        Number.MAX_SAFE_INTEGER
      ])
    })

    it("a constant is the same after every attempt", () => {
      assert.deepStrictEqual(boundsMillis(Backoff.constant("1 second"), 1), [1_000, 1_000])
      assert.deepStrictEqual(boundsMillis(Backoff.constant("1 second"), 1_000), [1_000, 1_000])
    })

    it("a linear backoff grows by its step, up to the cap", () => {
      const backoff = Backoff.linear({
        base: "1 second",
        step: "500 millis",
        cap: "2200 millis",
        jitter: "none"
      })
      assert.deepStrictEqual(
        [1, 2, 3, 4, 5].map((n) => boundsMillis(backoff, n)[1]),
        [1_000, 1_500, 2_000, 2_200, 2_200]
      )
    })

    it("an exponential backoff grows by its factor, up to the cap", () => {
      const backoff = Backoff.exponential({ base: "1 second", factor: 3, cap: "20 seconds", jitter: "none" })
      assert.deepStrictEqual(
        [1, 2, 3, 4].map((n) => boundsMillis(backoff, n)[1]),
        [1_000, 3_000, 9_000, 20_000]
      )
    })

    it("a cap below the base is the delay", () => {
      for (const jitter of ["none", "decorrelated"] as const) {
        const backoff = Backoff.exponential({ base: "5 seconds", cap: "1 second", jitter })
        assert.deepStrictEqual(boundsMillis(backoff, 1), [1_000, 1_000])
      }
    })

    it("each jitter has the range that it is documented with, below the cap and at it", () => {
      const ranges = (jitter: Backoff.Jitter) => {
        const backoff = Backoff.exponential({ base: "1 second", cap: "10 seconds", jitter })
        return [2, 1_000].map((attempt) => boundsMillis(backoff, attempt))
      }
      assert.deepStrictEqual(ranges("none"), [
        [2_000, 2_000],
        [10_000, 10_000]
      ])
      assert.deepStrictEqual(ranges("full"), [
        [0, 2_000],
        [0, 10_000]
      ])
      assert.deepStrictEqual(ranges("equal"), [
        [1_000, 2_000],
        [5_000, 10_000]
      ])
      assert.deepStrictEqual(ranges(Backoff.proportional(0.2)), [
        [1_600, 2_400],
        [8_000, 10_000]
      ])
      assert.deepStrictEqual(ranges("decorrelated"), [
        [1_000, 9_000],
        [1_000, 10_000]
      ])
    })

    it("on a constant, decorrelated jitter spreads as full jitter does, and proportional to both sides", () => {
      assert.deepStrictEqual(
        boundsMillis(Backoff.constant("1 second", { jitter: "decorrelated" }), 5),
        [0, 1_000]
      )
      const tenth = Backoff.constant("1 second", { jitter: Backoff.proportional(0.1) })
      assert.deepStrictEqual(boundsMillis(tenth, 5), [900, 1_100])
    })

    it("fractions of a millisecond are kept to the nanosecond", () => {
      const backoff = Backoff.exponential({ base: "300 micros", jitter: "none" })
      const nanos = [1, 2, 3].map((attempt) => Duration.toNanosUnsafe(Backoff.bounds(backoff, attempt).max))
      assert.deepStrictEqual(nanos, [300_000n, 600_000n, 1_200_000n])
      const third = draw(Backoff.constant("1 millis", { jitter: "full" }), 1, 1 / 3)
      assert.strictEqual(Duration.toNanosUnsafe(third), 333_333n)
    })

    it("the draw goes from one bound to the other", () => {
      const backoff = Backoff.exponential({ base: "1 second", jitter: "equal" })
      assert.deepStrictEqual(
        [0, 0.5, 0.75].map((chance) => millis(draw(backoff, 3, chance))),
        [2_000, 3_000, 3_500]
      )
    })

    it("decorrelated jitter draws from the base to three times the previous delay", () => {
      const backoff = Backoff.exponential({ base: "1 second", cap: "10 seconds", jitter: "decorrelated" })
      const middle = (previous?: Duration.Duration) => millis(draw(backoff, 2, 0.5, previous))
      assert.strictEqual(middle(), 2_000)
      assert.strictEqual(middle(Duration.seconds(3)), 5_000)
      assert.strictEqual(middle(Duration.seconds(9)), 5_500)
      assert.strictEqual(middle(Duration.infinity), 5_500)
      assert.strictEqual(middle(Duration.zero), 2_000)
    })

    it.effect("the same seed gives the same delay", () =>
      Effect.gen(function* () {
        const backoff = Backoff.exponential({ base: "1 second" })
        const drawn = Effect.forEach([1, 2, 3, 4], (attempt) => Backoff.delay(backoff, attempt))
        const [first, second] = [yield* Random.withSeed(drawn, "a"), yield* Random.withSeed(drawn, "a")]
        assert.deepStrictEqual(first, second)
        assert.notDeepEqual(yield* Random.withSeed(drawn, "b"), first)
      })
    )

    it("without jitter no chance is used up", () => {
      let draws = 0
      const counting = Effect.provideService(Random.Random, {
        nextIntUnsafe: () => 0,
        nextDoubleUnsafe: () => ++draws
      })
      Effect.runSync(counting(Backoff.delay(Backoff.constant("1 second"), 1)))
      assert.strictEqual(draws, 0)
    })

    it("data-last and data-first are the same", () => {
      const backoff = Backoff.exponential({ base: "1 second", jitter: "decorrelated" })
      assert.deepStrictEqual(Backoff.bounds(2)(backoff), Backoff.bounds(backoff, 2))
      assert.deepStrictEqual(Backoff.total(2)(backoff), Backoff.total(backoff, 2))
      const previous = Duration.seconds(4)
      const last = Effect.runSync(withChance(0.5)(Backoff.delay(2, previous)(backoff)))
      assert.deepStrictEqual(last, draw(backoff, 2, 0.5, previous))
    })

    it("an attempt number that is no number of an attempt is refused", () => {
      for (const attempt of [0, -1, 1.5, NaN]) {
        assert.strictEqual(problemOf(() => Backoff.bounds(Backoff.none, attempt)).option, "attempt")
        assert.strictEqual(problemOf(() => Backoff.delay(Backoff.none, attempt)).option, "attempt")
      }
    })
  })

  describe("total", () => {
    it("two delays of a second take two seconds, and ten of three take thirty", () => {
      assert.strictEqual(millis(Backoff.total(Backoff.constant("1 second"), 2)), 2_000)
      assert.strictEqual(millis(Backoff.total(Backoff.constant("3 seconds"), 10)), 30_000)
    })

    it("is the exact sum of the longest delays", () => {
      fc.assert(
        fc.property(anyBackoff, fc.integer({ min: 0, max: 200 }), (backoff, delays) => {
          let sum = 0n
          for (let attempt = 1; attempt <= delays; attempt++) {
            sum += Duration.toNanosUnsafe(Backoff.bounds(backoff, attempt).max)
          }
          assert.strictEqual(Duration.toNanosUnsafe(Backoff.total(backoff, delays)), sum)
        }),
        { numRuns: 500 }
      )
    })

    it("a million delays are added up exactly, whether they grow or not", () => {
      const million = 1_000_000
      assert.strictEqual(millis(Backoff.total(Backoff.constant("3 seconds"), million)), 3_000 * million)
      // 1 + 2 + 4 + 8 + 16 seconds, then 30 seconds each.
      const doubling = Backoff.exponential({ base: "1 second" })
      assert.strictEqual(millis(Backoff.total(doubling, million)), 31_000 + 30_000 * (million - 5))
      const endless = Backoff.linear({ base: "1 second", cap: Infinity, jitter: "none" })
      assert.strictEqual(millis(Backoff.total(endless, million)), (1_000 * (million * (million + 1))) / 2)
    })

    it("more delays than are added up one by one never come to less", () => {
      const endless = Backoff.linear({ base: "1 nanos", cap: Infinity })
      const count = 2_000_000
      const exact = (BigInt(count) * BigInt(count + 1)) / 2n
      assert.isTrue(Duration.toNanosUnsafe(Backoff.total(endless, count)) >= exact)
      assert.isTrue(Duration.isFinite(Backoff.total(endless, Number.MAX_SAFE_INTEGER)))
    })

    it("endless delays take for ever, unless each of them is zero", () => {
      assert.isFalse(Duration.isFinite(Backoff.total(Backoff.constant("1 nanos"), Infinity)))
      assert.strictEqual(millis(Backoff.total(Backoff.none, Infinity)), 0)
      assert.strictEqual(millis(Backoff.total(Backoff.exponential({ base: 0 }), Infinity)), 0)
    })

    it("no delays take no time, and a part of a delay is refused", () => {
      assert.strictEqual(millis(Backoff.total(Backoff.constant("1 second"), 0)), 0)
      for (const delays of [-1, 0.5, NaN]) {
        assert.strictEqual(problemOf(() => Backoff.total(Backoff.none, delays)).option, "delays")
      }
    })
  })

  describe("constructors", () => {
    it("have the defaults that they are documented with", () => {
      assert.deepStrictEqual(Backoff.constant("1 second"), {
        _tag: "Constant",
        delay: Duration.seconds(1),
        jitter: "none"
      })
      assert.deepStrictEqual(Backoff.linear({ base: "1 second" }), {
        _tag: "Linear",
        base: Duration.seconds(1),
        step: Duration.seconds(1),
        cap: Duration.seconds(30),
        jitter: "full"
      })
      assert.deepStrictEqual(Backoff.exponential({ base: "1 second" }), {
        _tag: "Exponential",
        base: Duration.seconds(1),
        factor: 2,
        cap: Duration.seconds(30),
        jitter: "full"
      })
    })

    it("RT-5: refuse what would become a delay without a meaning", () => {
      const bad: ReadonlyArray<readonly [option: string, build: () => unknown]> = [
        ["delay", () => Backoff.constant(NaN)],
        ["delay", () => Backoff.constant("-1 second")],
        ["delay", () => Backoff.constant("Infinity")],
        ["base", () => Backoff.linear({ base: [NaN, 0] })],
        ["base", () => Backoff.linear({ base: Infinity })],
        ["step", () => Backoff.linear({ base: 1, step: -1 })],
        ["step", () => Backoff.linear({ base: 1, step: Infinity })],
        ["cap", () => Backoff.linear({ base: 1, cap: NaN })],
        ["base", () => Backoff.exponential({ base: { seconds: NaN } })],
        ["base", () => Backoff.exponential({ base: Infinity })],
        ["factor", () => Backoff.exponential({ base: 1, factor: NaN })],
        ["factor", () => Backoff.exponential({ base: 1, factor: 0.5 })],
        ["factor", () => Backoff.exponential({ base: 1, factor: Infinity })],
        ["cap", () => Backoff.exponential({ base: 1, cap: -1 })],
        ["ratio", () => Backoff.proportional(NaN)],
        ["ratio", () => Backoff.proportional(-0.1)],
        ["ratio", () => Backoff.proportional(1.1)],
        ["jitter", () => Backoff.constant(1, { jitter: { _tag: "Proportional", ratio: 2 } })]
      ]
      for (const [option, build] of bad) {
        const { module, option: found } = problemOf(build)
        assert.deepStrictEqual({ module, option: found }, { module: "Backoff", option })
      }
    })

    it("give equal values for equal options", () => {
      assert.isTrue(Equal.equals(Backoff.constant("1 second"), Backoff.constant("1000 millis")))
      assert.isFalse(
        Equal.equals(Backoff.constant("1 second"), Backoff.constant("1 second", { jitter: "full" }))
      )
    })
  })

  describe("schema", () => {
    const decode = Schema.decodeUnknownExit(Backoff.Backoff)
    const config = (env: Record<string, string>) =>
      Config.schema(Backoff.Backoff, ["push", "backoff"]).parse(
        ConfigProvider.fromEnvRecord(env).pipe(ConfigProvider.constantCase)
      )

    it("what a constructor fills in may be absent", () => {
      const second = { base: "1 second" } as const
      assert.deepStrictEqual(
        decode({ _tag: "Constant", delay: "1 second" }),
        Exit.succeed(Backoff.constant("1 second"))
      )
      assert.deepStrictEqual(decode({ _tag: "Linear", ...second }), Exit.succeed(Backoff.linear(second)))
      assert.deepStrictEqual(
        decode({ _tag: "Exponential", ...second }),
        Exit.succeed(Backoff.exponential(second))
      )
    })

    it("what it encodes it decodes to the same value", () => {
      fc.assert(
        fc.property(anyBackoff, (backoff) => {
          const encoded = JSON.parse(JSON.stringify(Schema.encodeSync(Backoff.Backoff)(backoff)))
          assert.isTrue(Equal.equals(Schema.decodeUnknownSync(Backoff.Backoff)(encoded), backoff))
        })
      )
    })

    it.effect("a backoff is read from environment variables", () =>
      Effect.gen(function* () {
        const read = yield* config({
          PUSH_BACKOFF_TAG: "Exponential",
          PUSH_BACKOFF_BASE: "8 seconds",
          PUSH_BACKOFF_FACTOR: "1.5",
          PUSH_BACKOFF_CAP: "Infinity",
          PUSH_BACKOFF_JITTER_TAG: "Proportional",
          PUSH_BACKOFF_JITTER_RATIO: "0.3"
        })
        const jitter = Backoff.proportional(0.3)
        assert.deepStrictEqual(
          read,
          Backoff.exponential({ base: "8 seconds", factor: 1.5, cap: Infinity, jitter })
        )
      })
    )

    it.effect(
      "a negative delay in the environment is a ConfigError that names the variable and the reason",
      () =>
        Effect.gen(function* () {
          const error = yield* Effect.flip(
            config({ PUSH_BACKOFF_TAG: "Constant", PUSH_BACKOFF_DELAY: "-1 second" })
          )
          assert.strictEqual(error._tag, "ConfigError")
          assert.include(error.message, "Expected a duration that is not negative")
          assert.include(error.message, '["push"]["backoff"]["delay"]')
        })
    )

    it("RT-5: what a constructor refuses, the schema refuses", () => {
      const refused = [
        { _tag: "Constant", delay: "NaN" },
        { _tag: "Constant", delay: NaN },
        { _tag: "Constant", delay: "Infinity" },
        { _tag: "Constant", delay: "-1 second" },
        { _tag: "Linear", base: "1 second", step: "-1 second" },
        { _tag: "Linear", base: "1 second", step: "Infinity" },
        { _tag: "Linear", base: "1 second", cap: "-1 second" },
        { _tag: "Exponential", base: "1 second", factor: 0.5 },
        { _tag: "Exponential", base: "1 second", factor: NaN },
        { _tag: "Exponential", base: "1 second", factor: Infinity },
        { _tag: "Exponential", base: "1 second", jitter: "some" },
        { _tag: "Exponential", base: "1 second", jitter: { _tag: "Proportional", ratio: 1.5 } },
        { _tag: "Exponential", base: "1 second", jitter: { _tag: "Proportional", ratio: NaN } }
      ]
      for (const encoded of refused) assert.isTrue(Exit.isFailure(decode(encoded)), JSON.stringify(encoded))
    })

    it("an object literal that no constructor has checked can be checked", () => {
      const is = Schema.is(Backoff.Backoff)
      assert.isTrue(is(Backoff.linear({ base: "1 second" })))
      assert.isFalse(is({ _tag: "Constant", delay: Duration.seconds(-1), jitter: "none" }))
    })
  })

  describe("toSchedule", () => {
    it.effect("a retry with it waits as long as the backoff says, and never ends by itself", () =>
      Effect.gen(function* () {
        const starts: Array<number> = []
        const attempt = Effect.flatMap(
          Effect.clockWith((clock) => clock.currentTimeMillis),
          (now) => {
            starts.push(now)
            return Effect.fail("refused")
          }
        )
        const schedule = Backoff.toSchedule(
          Backoff.linear({ base: "1 second", cap: "3 seconds", jitter: "none" })
        )
        const fiber = yield* Effect.forkChild(Effect.retry(attempt, schedule), { startImmediately: true })
        yield* TestClock.adjust("12 seconds")
        assert.deepStrictEqual(starts, [0, 1_000, 3_000, 6_000, 9_000, 12_000])
        yield* Fiber.interrupt(fiber)
      })
    )

    it.effect("its output is the delay", () =>
      Effect.gen(function* () {
        const step = yield* Schedule.toStep(Backoff.toSchedule(Backoff.exponential({ base: "1 second" })))
        const [output, wait] = yield* step(0, undefined)
        assert.strictEqual(output, wait)
        assertBetween(output, Duration.zero, Duration.seconds(1))
      })
    )

    it.effect("two runs of one schedule have their own attempts and previous delays", () =>
      Effect.gen(function* () {
        const backoff = Backoff.exponential({ base: "1 second", cap: "1 hour", jitter: "decorrelated" })
        const schedule = Backoff.toSchedule(backoff)
        const [one, other] = [yield* Schedule.toStep(schedule), yield* Schedule.toStep(schedule)]
        const outputs: Array<number> = []
        for (const step of [one, one, other, one, other]) {
          const [output] = yield* withChance(0.5)(step(0, undefined))
          outputs.push(millis(output))
        }
        // From 1 to 3, to 6, to 10.5 seconds, the middle of each.
        assert.deepStrictEqual(outputs, [2_000, 3_500, 2_000, 5_750, 3_500])
      })
    )
  })
})
