/** `pnpm run torture`, in brief: all of it takes a quarter of an hour. */
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { flips } from "../torture/flips.ts"
import type { Kind } from "../torture/history.ts"
import { whileBlocked, whileCollected } from "../torture/holding.ts"
import { type Round, Rounds, type Where } from "../torture/rounds.ts"
import { type StoreName, sound } from "../torture/stores.ts"
import { temporaryDirectory } from "../utils/directory.ts"

const timeout = 120_000

/** One round for each of the points, until something is wrong. */
const rounds = (store: StoreName, points?: ReadonlyArray<Where>) =>
  Effect.gen(function* () {
    const directory = yield* temporaryDirectory
    // How late the next one is, is no matter on a machine that is busy: whoever looks has the lock at the first try.
    const torture = new Rounds({ store, directory, survivors: 1, limitMillis: Number.POSITIVE_INFINITY })
    const done: Array<Round> = []
    for (const where of points ?? torture.points) {
      const round = yield* torture.run(where)
      done.push(round)
      if (round.violations.length > 0) break
    }
    return done
  }).pipe(Effect.scoped)

/** What is different when all keys are in one file. */
const pointsOf: Partial<Record<StoreName, ReadonlyArray<Where>>> = {
  "file-single": [
    "in a decision",
    "in the middle of a write",
    "before a rename",
    "after a rename",
    "at any moment"
  ]
}

const violationsOf = (done: ReadonlyArray<Round>) =>
  done.flatMap(({ violations, where }) => violations.map((violation) => ({ where, ...violation })))

for (const store of sound) {
  describe(`${store}, tortured`, () => {
    it.live(
      "LS-1, LS-2, LK-1, LK-3: wherever a process is killed, nothing is lost, torn or left, and its locks are free",
      () =>
        Effect.map(rounds(store, pointsOf[store]), (done) => assert.deepStrictEqual(violationsOf(done), [])),
      timeout
    )

    it.live(
      "LS-5: with a flipped bit, closed or killed, each key is what was written, or an error",
      () => Effect.map(flips(store, 60), (found) => assert.deepStrictEqual(found, [])),
      timeout
    )

    it.live(
      "LK-4: a process keeps what it has when all that nothing refers to is collected",
      () =>
        Effect.gen(function* () {
          const task = { store, directory: yield* temporaryDirectory }
          assert.deepStrictEqual(yield* whileCollected(task), [])
        }).pipe(Effect.scoped),
      timeout
    )
  })
}

describe("the torture", () => {
  /** Several times, as a mistake need not show at once. */
  const findsOf = (store: StoreName, points: ReadonlyArray<Where>, kind: Kind) =>
    Effect.gen(function* () {
      for (let times = 0; times < 5; times++) {
        const found = violationsOf(yield* rounds(store, points))
        if (found.some((violation) => violation.kind === kind)) return true
      }
      return false
    })

  it.live(
    "finds that updates are lost without locks",
    () => Effect.map(findsOf("unlocked", ["at any moment"], "lost"), assert.isTrue),
    timeout
  )

  it.live(
    "finds that somebody comes between without locks",
    () =>
      Effect.gen(function* () {
        const task = { store: "unlocked", directory: yield* temporaryDirectory } as const
        const kinds = (yield* whileBlocked(task, 100)).map(({ kind }) => kind)
        assert.include(kinds, "overlap")
      }).pipe(Effect.scoped),
    timeout
  )

  it.live(
    "finds that a value is torn when it is written where it is",
    () => Effect.map(findsOf("in-place", ["in the middle of a write"], "torn"), assert.isTrue),
    timeout
  )
})
