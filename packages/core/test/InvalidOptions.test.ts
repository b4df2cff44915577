import { assert, describe, it } from "@effect/vitest"
import { InvalidOptions } from "@holdfast/core"
import { Config, ConfigProvider, Duration, Effect, Schema } from "effect"
import * as check from "../src/internal/duration.ts"

const problemOf = (build: () => unknown): string => {
  try {
    return `accepted: ${build()}`
  } catch (error) {
    if (error instanceof InvalidOptions) return error.problem
    throw error
  }
}

/** What only JavaScript, or a cast, can pass. */
const untyped = (input: unknown) => Schema.decodeUnknownSync(Schema.Any)(input)

describe("InvalidOptions", () => {
  it("its message names the module, the option, and what was wrong with it", () => {
    const error = new InvalidOptions({ module: "Backoff", option: "factor", problem: "must be 1, but is 0" })
    assert.strictEqual(error.message, 'Backoff: the option "factor" must be 1, but is 0')
    assert.strictEqual(error._tag, "InvalidOptions")
    assert.instanceOf(error, Error)
  })

  describe("durations", () => {
    const decode = (input: unknown) => check.decode("Test", "wait", untyped(input))

    it("what is no duration is refused, in every shape", () => {
      const refused = [
        NaN,
        [NaN, 0],
        [0, NaN],
        [Infinity, -Infinity],
        [1],
        { seconds: NaN },
        { seconds: 1, nanoseconds: NaN },
        { seconds: "5" },
        { minutes: Infinity, seconds: -Infinity },
        {},
        { second: 5 },
        "NaN seconds",
        "8",
        "8 parsecs",
        "",
        null,
        undefined,
        true
      ]
      for (const input of refused)
        assert.include(
          problemOf(() => decode(input)),
          "must be a duration such as"
        )
    })

    it("every other duration passes unchanged, also zero, negative and infinite ones", () => {
      const same: ReadonlyArray<readonly [Duration.Input, Duration.Duration]> = [
        [0, Duration.zero],
        [1.5, Duration.nanos(1_500_000n)],
        [-5, Duration.millis(-5)],
        [5n, Duration.nanos(5n)],
        [Infinity, Duration.infinity],
        [[1, 500], Duration.nanos(1_000_000_500n)],
        [{ minutes: 1, seconds: undefined }, Duration.minutes(1)],
        ["8 seconds", Duration.seconds(8)],
        ["-Infinity", Duration.negativeInfinity],
        [Duration.hours(1), Duration.hours(1)]
      ]
      for (const [input, expected] of same)
        assert.isTrue(Duration.equals(decode(input), expected), String(expected))
    })

    it("a negative one is refused where it has no meaning", () => {
      assert.strictEqual(
        problemOf(() => check.nonNegative("Test", "wait", "-1 second")),
        'must not be negative, but is "-1 second"'
      )
      assert.isTrue(Duration.isZero(check.nonNegative("Test", "wait", 0)))
    })
  })

  describe("numbers", () => {
    it("a count is an integer of at least 1, or Infinity where that is allowed", () => {
      const allowInfinity = { allowInfinity: true }
      assert.strictEqual(check.positiveInteger("Test", "attempts", 3), 3)
      assert.strictEqual(check.positiveInteger("Test", "attempts", Infinity, allowInfinity), Infinity)
      for (const bad of [0, -1, 1.5, NaN, Infinity]) {
        assert.include(
          problemOf(() => check.positiveInteger("Test", "attempts", bad)),
          `but is ${bad}`
        )
      }
      for (const bad of [0, 1.5, NaN, -Infinity]) {
        const problem = problemOf(() => check.positiveInteger("Test", "attempts", bad, allowInfinity))
        assert.strictEqual(problem, `must be an integer of at least 1 or Infinity, but is ${bad}`)
      }
    })

    it("a finite number stays within its range", () => {
      assert.strictEqual(check.finite("Test", "ratio", 1, { minimum: 0, maximum: 1 }), 1)
      for (const bad of [-0.1, 1.1, NaN, Infinity]) {
        const problem = problemOf(() => check.finite("Test", "ratio", bad, { minimum: 0, maximum: 1 }))
        assert.strictEqual(problem, `must be a number from 0 to 1, but is ${bad}`)
      }
      for (const bad of [0.9, NaN, Infinity]) {
        const problem = problemOf(() => check.finite("Test", "factor", bad, { minimum: 1 }))
        assert.strictEqual(problem, `must be a finite number of at least 1, but is ${bad}`)
      }
    })
  })

  describe("durations in configuration", () => {
    const settings = Config.schema(
      Schema.Struct({ attempts: Schema.Int, wait: check.DurationSetting }),
      "push"
    )
    const fromEnv = (wait: string) =>
      settings.parse(ConfigProvider.fromEnvRecord({ push_attempts: "3", push_wait: wait }))

    it.effect("are strings with a unit, next to numbers that are strings too", () =>
      Effect.gen(function* () {
        const expected = { attempts: 3, wait: Duration.seconds(8) }
        assert.deepStrictEqual(yield* fromEnv("8 seconds"), expected)
        const provider = ConfigProvider.fromUnknown({ push: { attempts: 3, wait: "8 seconds" } })
        assert.deepStrictEqual(yield* settings.parse(provider), expected)
      })
    )

    it.effect("are a ConfigError when they are negative, or no durations", () =>
      Effect.gen(function* () {
        const negative = yield* Effect.flip(fromEnv("-1 second"))
        assert.include(negative.message, "Expected a duration that is not negative")
        for (const bad of ["NaN", "8", "NaN seconds", "soon"]) {
          const error = yield* Effect.flip(fromEnv(bad))
          assert.include(error.message, "Expected a valid Duration string")
        }
      })
    )
  })
})
