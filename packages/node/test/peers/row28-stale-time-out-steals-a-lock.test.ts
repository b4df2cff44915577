/**
 * Row 28: proper-lockfile takes a lock for stale whose holder has not touched it for 10 s. A holder whose event loop was
 * blocked for longer lives on without its lock, and what it writes then lands over what the next owner has written.
 */
import { readFileSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { lock } from "proper-lockfile"
import { whileBlocked } from "../torture/holding.ts"
import { sound } from "../torture/stores.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import { startLockfileHolder } from "../utils/lockfile.ts"

const timeout = 60_000

describe("row 28", () => {
  for (const store of sound) {
    it.live(
      `LK-4: nobody comes between while the event loop of a holder is blocked: ${store}`,
      () =>
        Effect.gen(function* () {
          const task = { store, directory: yield* temporaryDirectory }
          assert.deepStrictEqual(yield* whileBlocked(task, 1000), [])
        }).pipe(Effect.scoped),
      timeout
    )
  }

  it.live(
    "the peer lets somebody between, and the old holder writes over it",
    () =>
      Effect.gen(function* () {
        // Given a holder whose event loop is blocked
        const file = join(yield* temporaryDirectory, "state")
        writeFileSync(file, "of nobody")
        const holder = yield* startLockfileHolder(file)

        // When eleven seconds have passed, as the lock sees it
        const seconds = Date.now() / 1000 - 11
        utimesSync(`${file}.lock`, seconds, seconds)
        const release = yield* Effect.promise(() => lock(file))
        writeFileSync(file, "of the next owner")

        // Then both have it
        holder.tell("write")
        yield* holder.until((told) => told.find(({ tag }) => tag === "written"))
        assert.strictEqual(readFileSync(file, "utf8"), "of the holder")
        yield* Effect.promise(() => release())
      }).pipe(Effect.scoped),
    timeout
  )
})
