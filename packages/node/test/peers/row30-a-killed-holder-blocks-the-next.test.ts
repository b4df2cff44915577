/** Row 30: the lock of a process that was killed blocks the next one for 10.6 s (proper-lockfile). */
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Lock } from "@holdfast/core"
import { Effect } from "effect"
import { lock } from "proper-lockfile"
import { heldKey } from "../torture/holder.ts"
import { startHolder } from "../torture/holding.ts"
import { Points } from "../torture/points.ts"
import { sound, storeOf } from "../torture/stores.ts"
import { temporaryDirectory } from "../utils/directory.ts"
import { startLockfileHolder } from "../utils/lockfile.ts"

const timeout = 60_000

describe("row 30", () => {
  for (const store of sound) {
    it.live(
      `LK-3: when a holder is gone, the first try gets its lock: ${store}`,
      () =>
        Effect.gen(function* () {
          // Given a process that has the lock
          const directory = yield* temporaryDirectory
          const holder = yield* startHolder({ store, directory })
          const once = Effect.provide(
            Lock.withLock(Effect.succeed("mine"), heldKey, { wait: 0 }),
            storeOf(store).layer(directory, new Points())
          )
          assert.strictEqual((yield* Effect.flip(once))._tag, "LockTimeout")

          // When it is killed
          yield* holder.kill

          // Then nobody has to wait
          assert.strictEqual(yield* once, "mine")
        }).pipe(Effect.scoped),
      timeout
    )
  }

  it.live(
    "the peer does not know that nobody has the lock",
    () =>
      Effect.gen(function* () {
        const file = join(yield* temporaryDirectory, "state")
        writeFileSync(file, "")
        const holder = yield* startLockfileHolder(file)
        yield* holder.kill
        const refused = yield* Effect.flip(
          Effect.tryPromise({ try: () => lock(file), catch: (error) => String(error) })
        )
        assert.include(refused, "Lock file is already being held")
      }).pipe(Effect.scoped),
    timeout
  )
})
