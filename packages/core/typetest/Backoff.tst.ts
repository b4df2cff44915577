import { Backoff } from "@holdfast/core"
import type { Context, Duration } from "effect"
import { Config, type Effect, Schedule } from "effect"
import { expect, test } from "tstyche"

declare const failing: Schedule.Schedule<number, unknown, Error>
declare const needy: Schedule.Schedule<number, unknown, never, Context.Reference<number>>
declare const picky: Schedule.Schedule<number, string>

test("a schedule is a backoff only when it cannot fail, needs no services and takes any input", () => {
  expect(Schedule.exponential("1 second")).type.toBeAssignableTo<Backoff.Input>()
  expect(failing).type.not.toBeAssignableTo<Backoff.Input>()
  expect(needy).type.not.toBeAssignableTo<Backoff.Input>()
  expect(picky).type.not.toBeAssignableTo<Backoff.Input>()
})

test("a delay needs nothing and cannot fail, data-first and data-last", () => {
  expect(Backoff.delay(Backoff.none, 1)).type.toBe<Effect.Effect<Duration.Duration>>()
  expect(Backoff.delay(1)(Backoff.none)).type.toBe<Effect.Effect<Duration.Duration>>()
  expect(Backoff.toSchedule(Backoff.none)).type.toBe<Schedule.Schedule<Duration.Duration>>()
})

test("what configuration decodes is a backoff", () => {
  expect(Config.schema(Backoff.Backoff, "backoff")).type.toBe<Config.Config<Backoff.Backoff>>()
})

test("a jitter has one of the known names", () => {
  expect(Backoff.constant).type.not.toBeCallableWith("1 second", { jitter: "some" })
  expect(Backoff.constant).type.not.toBeCallableWith("1 parsec")
})
