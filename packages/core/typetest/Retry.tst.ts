import { Backoff, Retry } from "@holdfast/core"
import type { Duration } from "effect"
import { Config, Data, Effect } from "effect"
import { expect, test } from "tstyche"

class Refused extends Data.TaggedError("Refused")<{ readonly code: number }> {}
class Busy extends Data.TaggedError("Busy")<{ readonly seconds: number }> {}

declare const settings: Retry.Settings
declare const send: Effect.Effect<string, Refused | Busy, "Network">

const timed = Retry.policy({ attempts: 3, attemptTimeout: "8 seconds", backoff: Backoff.none })
const untimed = Retry.policy({ attempts: 3 })

test("an attempt time-out is in the errors of a call", () => {
  expect(Retry.run(send, timed)).type.toBe<
    Effect.Effect<string, Refused | Busy | Retry.AttemptTimeout, "Network">
  >()
  expect(send.pipe(Retry.run(timed))).type.toBe<
    Effect.Effect<string, Refused | Busy | Retry.AttemptTimeout, "Network">
  >()
  expect(Retry.run(Effect.succeed(1), timed)).type.toBe<Effect.Effect<number, Retry.AttemptTimeout>>()
})

test("without one there is no AttemptTimeout to handle", () => {
  expect(Retry.run(send, untimed)).type.toBe<Effect.Effect<string, Refused | Busy, "Network">>()
  expect(send.pipe(Retry.run(untimed))).type.toBe<Effect.Effect<string, Refused | Busy, "Network">>()
  expect(Retry.run(Effect.succeed(1), Retry.once)).type.toBe<Effect.Effect<number>>()
})

test("detailed never fails, and tells the same errors in its exit", () => {
  expect(Retry.detailed(send, timed)).type.toBe<
    Effect.Effect<Retry.Detailed<string, Refused | Busy | Retry.AttemptTimeout>, never, "Network">
  >()
  expect(send.pipe(Retry.detailed(untimed))).type.toBe<
    Effect.Effect<Retry.Detailed<string, Refused | Busy>, never, "Network">
  >()
  expect(send.pipe(Retry.detailed(timed))).type.toBe<
    Effect.Effect<Retry.Detailed<string, Refused | Busy | Retry.AttemptTimeout>, never, "Network">
  >()
})

test("a policy of pure data is a Policy<unknown>, and its time-out is part of its type", () => {
  expect(timed).type.toBe<Retry.Policy<unknown, Duration.Duration>>()
  expect(untimed).type.toBe<Retry.Policy<unknown, undefined>>()
  expect(timed).type.toBeAssignableTo<Retry.Policy<Refused, Duration.Duration>>()
  expect(timed).type.toBeAssignableTo<Retry.Policy<never>>()
})

test("a predicate that is written where the call is sees the errors of the call", () => {
  const call = Retry.run(send, {
    ...timed,
    while: (error) => {
      expect(error).type.toBe<Refused | Busy | Retry.AttemptTimeout>()
      return error._tag === "AttemptTimeout"
    },
    retryAfter: (error) => {
      expect(error).type.toBe<Refused | Busy | Retry.AttemptTimeout>()
      return error._tag === "Busy" ? error.seconds * 1000 : undefined
    }
  })
  expect(call).type.toBe<Effect.Effect<string, Refused | Busy | Retry.AttemptTimeout, "Network">>()
  expect(send.pipe(Retry.run({ ...timed, while: (error) => error._tag !== "Refused" }))).type.toBe<
    Effect.Effect<string, Refused | Busy | Retry.AttemptTimeout, "Network">
  >()
  expect(send.pipe(Retry.run({ ...untimed, while: (error) => error._tag === "Busy" }))).type.toBe<
    Effect.Effect<string, Refused | Busy, "Network">
  >()
})

test("a guard fits every call, and narrows nothing away", () => {
  expect(Retry.run(send, { ...timed, while: Retry.isAttemptTimeout })).type.toBe<
    Effect.Effect<string, Refused | Busy | Retry.AttemptTimeout, "Network">
  >()
})

test("a hint may be written as any duration", () => {
  expect(Retry.policy({ attempts: 2, retryAfter: () => "30 seconds" })).type.toBe<
    Retry.Policy<unknown, undefined>
  >()
})

test("a policy may be written where the call is", () => {
  expect(Retry.run(send, Retry.policy({ attempts: 3, attemptTimeout: "1 second" }))).type.toBe<
    Effect.Effect<string, Refused | Busy | Retry.AttemptTimeout, "Network">
  >()
  expect(send.pipe(Retry.run(Retry.policy({ attempts: 3, attemptTimeout: "1 second" })))).type.toBe<
    Effect.Effect<string, Refused | Busy | Retry.AttemptTimeout, "Network">
  >()
  const thrice = Retry.run(Retry.policy({ attempts: 3 }))
  expect(thrice(Effect.succeed(1))).type.toBeAssignableTo<Effect.Effect<number, unknown>>()
  expect(send.pipe(Retry.run(Retry.policy({ attempts: 3, while: () => true })))).type.toBe<
    Effect.Effect<string, Refused | Busy, "Network">
  >()
})

test("a policy that looks at one error does not fit a call with others", () => {
  const busy = Retry.policy({ attempts: 3, while: (error: Busy) => error.seconds < 9 })
  expect(busy).type.toBe<Retry.Policy<Busy, undefined>>()
  expect(Retry.run).type.not.toBeCallableWith(send, busy)
  expect(Retry.run(Effect.fail(new Busy({ seconds: 1 })), busy)).type.toBe<Effect.Effect<never, Busy>>()
})

test("nor does a policy with a time-out whose predicate knows nothing of it", () => {
  const busy = Retry.policy({
    attempts: 3,
    attemptTimeout: "1 second",
    while: (error: Busy) => error.seconds < 9
  })
  expect(Retry.run).type.not.toBeCallableWith(Effect.fail(new Busy({ seconds: 1 })), busy)
})

test("any policy has a worst case", () => {
  const busy = Retry.policy({ attempts: 3, while: (error: Busy) => error.seconds < 9 })
  expect(Retry.worstCase).type.toBeCallableWith(busy)
  expect(Retry.worstCase).type.toBeCallableWith(timed)
  expect(Retry.unbounded(busy)).type.toBe<ReadonlyArray<Retry.Unbounded>>()
})

test("decoded settings are the options of a policy", () => {
  expect(Config.schema(Retry.Settings, "push")).type.toBe<
    Config.Config<{
      readonly attempts: number
      readonly attemptTimeout?: Duration.Duration
      readonly backoff?: Backoff.Backoff
      readonly maxRetryAfter?: Duration.Duration
    }>
  >()
  expect(Retry.fromSettings(settings)).type.toBe<Retry.Policy>()
  expect(Retry.policy(settings)).type.toBeAssignableTo<Retry.Policy>()
  const call = Retry.run(send, {
    ...Retry.fromSettings(settings),
    while: (error) => error._tag !== "Refused"
  })
  expect(call).type.toBe<Effect.Effect<string, Refused | Busy | Retry.AttemptTimeout, "Network">>()
})

test("what is no policy is refused by the compiler", () => {
  expect(Retry.policy).type.not.toBeCallableWith({})
  expect(Retry.policy).type.not.toBeCallableWith({ attempts: "3" })
  expect(Retry.policy).type.not.toBeCallableWith({ attempts: 3, attemptTimeout: "8 parsecs" })
})
