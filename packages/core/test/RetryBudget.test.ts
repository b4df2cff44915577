import { assert, describe, it } from "@effect/vitest"
import { RetryBudget } from "@holdfast/core"
import { Clock, Effect, Layer } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import { problemOf } from "./utils/problem.ts"

/** A clock that a synchronous property can turn. Its wall clock is nonsense, because nobody should ask for it. */
const handClock = () => {
  const time = { monotonicNanos: 0n, wallMillis: 0 }
  const clock: Clock.Clock = {
    currentTimeMillisUnsafe: () => time.wallMillis,
    currentTimeMillis: Effect.sync(() => time.wallMillis),
    currentTimeNanosUnsafe: () => BigInt(time.wallMillis) * 1_000_000n,
    currentTimeNanos: Effect.sync(() => BigInt(time.wallMillis) * 1_000_000n),
    monotonicTimeNanosUnsafe: () => time.monotonicNanos,
    monotonicTimeNanos: Effect.sync(() => time.monotonicNanos),
    sleep: () => Effect.never
  }
  const run = <A>(effect: Effect.Effect<A>): A =>
    Effect.runSync(Effect.provideService(effect, Clock.Clock, clock))
  return { run, time }
}

const times = <A>(count: number, effect: Effect.Effect<A>) =>
  Effect.all(Array.from({ length: count }, () => effect))

/** How many of `count` retries are granted. */
const granted = (budget: RetryBudget.RetryBudget, count: number) =>
  Effect.map(times(count, budget.withdraw), (answers) => answers.filter((answer) => answer).length)

// ----------------------------------------------------------------------------
// Histories: anything that callers can do over some windows of one second
// ----------------------------------------------------------------------------

const windowMillis = 1_000
const sliceMillis = windowMillis / 10

interface Event {
  readonly afterMillis: number
  readonly kind: "call" | "retry"
}

const anyHistory = fc.array(
  fc.record<Event>({
    afterMillis: fc.oneof(
      fc.constant(0),
      fc.integer({ min: 0, max: 150 }),
      fc.integer({ min: 0, max: 2_500 })
    ),
    kind: fc.constantFrom("call", "retry")
  }),
  { maxLength: 80 }
)
const anySettings = fc.record({
  ratio: fc.oneof(fc.constantFrom(0, 0.1, 0.2, 1), fc.double({ min: 0, max: 2, noNaN: true })),
  minPerSecond: fc.oneof(fc.constantFrom(0, 1, 2.5), fc.double({ min: 0, max: 5, noNaN: true }))
})

interface Entry {
  readonly atMillis: number
  readonly kind: "call" | "retry" | "refused"
}

/** Plays a history against a budget, and returns the log of what came of it. */
const play = (
  settings: { readonly ratio: number; readonly minPerSecond: number },
  history: ReadonlyArray<Event>
) => {
  const { run, time } = handClock()
  const budget = run(RetryBudget.make({ ...settings, window: windowMillis }))
  const log: Array<Entry> = []
  let atMillis = 0
  for (const { afterMillis, kind } of history) {
    atMillis += afterMillis
    time.monotonicNanos = BigInt(atMillis) * 1_000_000n
    if (kind === "call") run(budget.deposit)
    const answer = kind === "call" ? "call" : run(budget.withdraw) ? "retry" : "refused"
    log.push({ atMillis, kind: answer })
  }
  return log
}

const count = (log: ReadonlyArray<Entry>, kind: Entry["kind"], fromMillis: number, toMillis: number) =>
  log.filter((entry) => entry.kind === kind && entry.atMillis >= fromMillis && entry.atMillis <= toMillis)
    .length

/** The budget adds this little to what is a hair below a whole retry. */
const rounding = 1e-6

describe("RetryBudget", () => {
  describe("the bound", () => {
    it("RT-6: since a budget was made, its retries are at most the ratio of the calls, plus the floor", () => {
      fc.assert(
        fc.property(anySettings, anyHistory, (settings, history) => {
          const log = play(settings, history)
          for (const { atMillis } of log) {
            const allowed =
              settings.ratio * count(log, "call", 0, atMillis) +
              (settings.minPerSecond * (atMillis + windowMillis)) / 1_000
            assert.isAtMost(count(log, "retry", 0, atMillis), allowed + rounding)
          }
        }),
        { numRuns: 500 }
      )
    })

    it("RT-6: in any stretch of time, retries are at most the ratio of the calls in it and 1.1 windows before, plus the floor", () => {
      fc.assert(
        fc.property(anySettings, anyHistory, (settings, history) => {
          const log = play(settings, history)
          for (const { atMillis: from } of log) {
            for (const { atMillis: to } of log.filter(({ atMillis }) => atMillis >= from)) {
              const allowed =
                settings.ratio * count(log, "call", from - 1.1 * windowMillis, to) +
                (settings.minPerSecond * (to - from + windowMillis)) / 1_000
              assert.isAtMost(count(log, "retry", from, to), allowed + rounding)
            }
          }
        }),
        { numRuns: 300 }
      )
    })

    it("RT-6: a retry is granted exactly when the slices of its window hold a whole one", () => {
      fc.assert(
        fc.property(anySettings, anyHistory, (settings, history) => {
          const log = play(settings, history)
          log.forEach(({ atMillis, kind }, index) => {
            if (kind === "call") return
            const before = log.slice(0, index)
            const from = (Math.floor(atMillis / sliceMillis) - 10) * sliceMillis
            const left =
              settings.ratio * count(before, "call", from, atMillis) +
              settings.minPerSecond -
              count(before, "retry", from, atMillis)
            assert.strictEqual(kind, left + 1e-9 >= 1 ? "retry" : "refused")
          })
        }),
        { numRuns: 500 }
      )
    })

    it("RT-6: in a total outage, a thousand calls a second become twelve hundred, not three thousand", () => {
      // Given callers that retry twice, and a server that answers nobody for a minute
      const { run, time } = handClock()
      const budget = run(RetryBudget.make({ ratio: 0.2, minPerSecond: 0 }))
      let retries = 0
      // When a call starts every millisecond
      for (let call = 0; call < 60_000; call++) {
        time.monotonicNanos += 1_000_000n
        run(budget.deposit)
        retries += run(granted(budget, 2))
      }
      // Then a fifth of them is retried, and next to nothing of the budget is lost where slices expire
      assert.isAtMost(retries, 12_000)
      assert.isAtLeast(retries, 11_950)
    })

    it.effect("RT-6: all callers together share what one of them would have", () =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make({ ratio: 0.5, minPerSecond: 0 })
        const caller = Effect.andThen(budget.deposit, Effect.andThen(Effect.yieldNow, granted(budget, 3)))
        const retries = yield* Effect.all(
          Array.from({ length: 100 }, () => caller),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(
          retries.reduce((sum, one) => sum + one),
          50
        )
      })
    )
  })

  describe("the window", () => {
    it.effect("a call pays for retries until it is older than the window", () =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make({ ratio: 0.2, minPerSecond: 0, window: "10 seconds" })
        yield* times(50, budget.deposit)
        assert.strictEqual(yield* budget.available, 10)
        yield* TestClock.adjust(10_000)
        assert.strictEqual(yield* budget.available, 10)
        yield* TestClock.adjust(1_000)
        assert.strictEqual(yield* budget.available, 0)
      })
    )

    it.effect("RT-6: the floor that was spent is not there again before a whole window has passed", () =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make({ ratio: 0, minPerSecond: 1, window: "10 seconds" })
        // The last instant of a slice, from which the next nine slices begin at once.
        yield* TestClock.adjust(999)
        assert.strictEqual(yield* granted(budget, 20), 10)
        yield* TestClock.adjust(9_999)
        assert.strictEqual(yield* granted(budget, 20), 0)
        yield* TestClock.adjust(1_001)
        assert.strictEqual(yield* granted(budget, 20), 10)
      })
    )

    it.effect("a retry that is paid for by a call leaves no debt when both have expired", () =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make({ ratio: 1, minPerSecond: 0.1, window: "10 seconds" })
        yield* times(5, budget.deposit)
        assert.strictEqual(yield* granted(budget, 10), 6)
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual(yield* budget.available, 1)
      })
    )

    it.effect("RT-6: a retry outlives the call that paid for it, and is owed until it expires too", () =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make({ ratio: 1, minPerSecond: 0.3, window: "10 seconds" })
        yield* times(5, budget.deposit)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(yield* granted(budget, 10), 8)
        yield* TestClock.adjust("6 seconds")
        assert.strictEqual(yield* budget.available, 0)
        yield* budget.deposit
        assert.strictEqual(yield* granted(budget, 10), 0)
        yield* TestClock.adjust("5 seconds")
        assert.strictEqual(yield* granted(budget, 10), 4)
      })
    )

    it("a long silence leaves nothing behind but the floor", () => {
      const { run, time } = handClock()
      const budget = run(RetryBudget.make({ ratio: 1, minPerSecond: 1, window: "1 second" }))
      run(times(5, budget.deposit))
      run(budget.withdraw)
      time.monotonicNanos += 10n ** 18n
      assert.strictEqual(run(budget.available), 1)
      run(budget.deposit)
      assert.strictEqual(run(granted(budget, 5)), 2)
    })

    it("the wall clock may jump, and no budget moves", () => {
      const { run, time } = handClock()
      const budget = run(RetryBudget.make({ ratio: 0, minPerSecond: 1 }))
      assert.strictEqual(run(granted(budget, 20)), 10)
      time.wallMillis += 3_600_000
      assert.strictEqual(run(granted(budget, 20)), 0)
    })

    it("the shortest window there is works", () => {
      const { run, time } = handClock()
      const budget = run(RetryBudget.make({ ratio: 1, minPerSecond: 0, window: "1 nanos" }))
      run(budget.deposit)
      assert.strictEqual(run(budget.available), 1)
      time.monotonicNanos += 11n
      assert.strictEqual(run(budget.available), 0)
    })
  })

  describe("make", () => {
    it.effect("by default a fifth of the calls is retried, on top of ten retries in ten seconds", () =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make()
        assert.strictEqual(yield* budget.available, 10)
        yield* times(100, budget.deposit)
        assert.strictEqual(yield* budget.available, 30)
        yield* TestClock.adjust("11 seconds")
        assert.strictEqual(yield* budget.available, 10)
      })
    )

    it.effect("what is available is a number of whole retries", () =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make({ ratio: 0.29, minPerSecond: 0 })
        yield* times(3, budget.deposit)
        assert.strictEqual(yield* budget.available, 0)
        assert.isFalse(yield* budget.withdraw)
        // 0.29 * 100 is 28.999999999999996 in floating point.
        yield* times(97, budget.deposit)
        assert.strictEqual(yield* budget.available, 29)
      })
    )

    it.effect("a refusal takes nothing", () =>
      Effect.gen(function* () {
        const budget = yield* RetryBudget.make({ ratio: 0.5, minPerSecond: 0 })
        assert.strictEqual(yield* granted(budget, 100), 0)
        yield* times(2, budget.deposit)
        assert.strictEqual(yield* granted(budget, 100), 1)
      })
    )

    it("options without a meaning are refused where the budget is built", () => {
      const bad: ReadonlyArray<readonly [option: string, options: RetryBudget.Options]> = [
        ["ratio", { ratio: NaN }],
        ["ratio", { ratio: -0.1 }],
        ["ratio", { ratio: Infinity }],
        ["minPerSecond", { minPerSecond: NaN }],
        ["minPerSecond", { minPerSecond: -1 }],
        ["minPerSecond", { minPerSecond: Infinity }],
        ["window", { window: NaN }],
        ["window", { window: 0 }],
        ["window", { window: "-1 second" }],
        ["window", { window: "Infinity" }]
      ]
      for (const [option, options] of bad) {
        const { module, option: found } = problemOf(() => RetryBudget.make(options))
        assert.deepStrictEqual({ module, option: found }, { module: "RetryBudget", option })
      }
    })
  })

  describe("Service", () => {
    class Retries extends RetryBudget.Service<Retries>()("test/Retries") {}

    it.effect("RT-6: everything that a layer is provided to shares one budget", () =>
      Effect.gen(function* () {
        const caller = Effect.flatMap(Retries, (budget) => granted(budget, 3))
        const both = Effect.all([caller, caller])
        const layer = Retries.layer({ ratio: 0, minPerSecond: 0.4 })
        assert.deepStrictEqual(yield* Effect.provide(both, layer), [3, 1])
      })
    )

    it.effect("two services have two budgets", () =>
      Effect.gen(function* () {
        class Others extends RetryBudget.Service<Others>()("test/Others") {}
        const layer = Layer.merge(Retries.layer({ minPerSecond: 1 }), Others.layer({ minPerSecond: 2 }))
        const available = Effect.all([
          Effect.flatMap(Retries, (budget) => budget.available),
          Effect.flatMap(Others, (budget) => budget.available)
        ])
        assert.deepStrictEqual(yield* Effect.provide(available, layer), [10, 20])
      })
    )

    it("options without a meaning are refused where the layer is built", () => {
      assert.strictEqual(problemOf(() => Retries.layer({ ratio: NaN })).option, "ratio")
    })
  })
})
