/** How long everything may take, and how much there is of it. */
import { Context } from "effect"

/** How many writers may share the register: whoever is killed is followed by another one, so it takes two. */
export const writers = { min: 2, max: 12, default: 8 }

/** How many writers share the register. */
export const Writers: Context.Reference<number> = Context.Reference<number>("control-room/register/Writers", {
  defaultValue: () => writers.default
})

export const Numbers = {
  /** The contest: so many processes, each with so many keys of its own, and so many that all want. */
  contest: { processes: 4, keys: 50 },
  /** The keys that writers take from each other, fewer than there are writers. */
  contested: ["berth 1", "berth 2", "berth 3"],
  /** The one of them that they take with a guard. */
  guarded: "berth 3",
  /** Keys that each life leaves in the register. */
  kept: 3,
  /** Changes that the last lives make before they end, in all: the more there are, the longer each of them takes. */
  changes: 120,
  /** How long a writer has a key, has a lease, and rests after a round, in milliseconds. */
  millis: { key: 3, lease: 2, rest: 10 },
  /** A kill at random comes in so many milliseconds, at most. */
  randomKillMillis: 150,
  /** A dead process has nothing any more after so many seconds. */
  takeoverSeconds: 1,
  /** proper-lockfile calls a lock stale after so many milliseconds, by default. */
  staleMillis: 10_000
} as const
