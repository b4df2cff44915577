/** Row 29: of eight processes that reclaim a stale lock, more than one has it in 50 of 300 rounds (proper-lockfile, issue 121). */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Rounds } from "../torture/rounds.ts"
import { temporaryDirectory } from "../utils/directory.ts"

const timeout = 120_000
const rounds = 2

const stores = ["sqlite", "file"] as const

describe("row 29", () => {
  for (const store of stores) {
    it.live(
      `LK-1: of eight processes that want the lock of one that was killed, one at a time has it: ${store}`,
      () =>
        Effect.gen(function* () {
          const directory = yield* temporaryDirectory
          const torture = new Rounds({
            store,
            directory,
            survivors: 8,
            limitMillis: Number.POSITIVE_INFINITY
          })
          for (let round = 0; round < rounds; round++) {
            assert.deepStrictEqual((yield* torture.run("with a lease")).violations, [])
          }
        }).pipe(Effect.scoped),
      timeout
    )
  }
})
