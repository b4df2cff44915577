import { Deadline } from "@holdfast/core"
import type { Effect } from "effect"
import { describe, expect, test } from "tstyche"

interface Work {
  readonly _tag: "Work"
}
interface World {
  readonly _tag: "World"
}
declare const work: Effect.Effect<number, Work, World>

describe("within", () => {
  test("adds its error, and nothing to the requirements", () => {
    expect(Deadline.within(work, "1 second")).type.toBe<
      Effect.Effect<number, Work | Deadline.DeadlineExceeded, World>
    >()
  })

  test("does the same in a pipe", () => {
    expect(work.pipe(Deadline.within("1 second"))).type.toBe<
      Effect.Effect<number, Work | Deadline.DeadlineExceeded, World>
    >()
  })
})

test("shield keeps the type", () => {
  expect(Deadline.shield(work)).type.toBe<Effect.Effect<number, Work, World>>()
})
