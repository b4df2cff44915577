import { assert } from "@effect/vitest"
import { InvalidOptions } from "@holdfast/core"

/** The `InvalidOptions` that a constructor throws. */
export const problemOf = (build: () => unknown): InvalidOptions => {
  try {
    build()
  } catch (error) {
    if (error instanceof InvalidOptions) return error
    throw error
  }
  return assert.fail("expected InvalidOptions")
}
