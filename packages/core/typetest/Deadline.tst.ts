import { Deadline } from "@holdfast/core"
import { Effect } from "effect"
import { expect, test } from "tstyche"

test("within adds its error", () => {
  expect(Deadline.within(Effect.succeed(1), "1 second")).type.toBe<
    Effect.Effect<number, Deadline.DeadlineExceeded>
  >()
})
