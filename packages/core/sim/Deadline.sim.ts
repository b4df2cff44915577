/** Deadlines over work of every kind, inside of each other, while the wall clock jumps, and across the wire. */
import * as Strategy from "@holdfast/sim/Strategy"
import * as Suite from "@holdfast/sim/Suite"
import * as fc from "fast-check"
import { describeJumping, jumpingOf, runJumping } from "./support/jumpingDeadline.ts"
import { describeNest, nestOf, runNest } from "./support/nestedDeadlines.ts"
import { callOf, describeCall, describeWait, runCall, runWait, waitOf } from "./support/oneDeadline.ts"
import { describeHeld, heldCalls, runHeld } from "./support/pausingHost.ts"
import { onScales } from "./support/time.ts"
import { chainOf, describeChain, runChain } from "./support/wiredDeadlines.ts"
import { lengthOfWork } from "./support/work.ts"

const anywhere = Suite.make({
  name: "Deadline",
  guarantees: ["DL-1", "DL-4", "DL-5", "DL-6"],
  arbitrary: onScales(callOf),
  run: runCall(false),
  leaks: "DL-5",
  reaches: [
    "an interruption at the instant",
    "an early success",
    "abandoned work",
    "an interrupted caller that waits no longer",
    "abandoned work is joined",
    "abandoned work is not waited for any longer"
  ],
  describe: describeCall
})

/** Work that is done when its time is up, and nobody is preempted. */
const atInstant = Suite.make({
  name: "Deadline at the instant",
  guarantees: ["DL-1", "DL-3", "DL-4", "DL-6"],
  arbitrary: onScales((unit) =>
    fc.tuple(callOf(unit), fc.constantFrom(0, 0, 0, 1, -1)).map(([call, offset]) => {
      const length = lengthOfWork(call.work) + offset
      return length > 0 && length < Infinity ? { ...call, budgetNanos: length } : call
    })
  ),
  run: runCall(true),
  level: "realistic",
  reaches: ["a result that is ready at the instant"],
  describe: describeCall
})

/** The same when all that is ready runs in any order. At a depth of 1 still nobody is preempted. */
const race = Suite.make({
  name: "Deadline race",
  guarantees: ["DL-3"],
  arbitrary: onScales(waitOf),
  run: runWait,
  strategy: Strategy.pct({ depth: 1 }),
  reaches: ["a wait until the instant"],
  describe: describeWait
})

const nested = Suite.make({
  name: "Deadline nested",
  guarantees: ["DL-1", "DL-2", "DL-5", "DL-6"],
  arbitrary: onScales(nestOf),
  run: runNest(false),
  leaks: "DL-5",
  reaches: ["a limit that is inherited"],
  describe: describeNest
})

const nestedInOrder = Suite.make({
  name: "Deadline nested on the stock scheduler",
  guarantees: ["DL-1", "DL-2", "DL-6"],
  arbitrary: onScales(nestOf),
  run: runNest(true),
  level: "realistic",
  reaches: ["a limit that is inherited", "a limit that is inherited twice"],
  describe: describeNest
})

const jumping = Suite.make({
  name: "Deadline wall clock",
  guarantees: ["DL-7"],
  arbitrary: onScales(jumpingOf),
  run: runJumping,
  reaches: ["a jump before the deadline", "a jump over the deadline"],
  describe: describeJumping
})

const wired = Suite.make({
  name: "Deadline across the wire",
  guarantees: ["DL-1", "DL-2", "DL-4", "DL-5"],
  arbitrary: onScales(chainOf),
  run: runChain,
  leaks: "DL-5",
  reaches: ["a client whose own time is up first", "a 504 in time", "an answer of the last server"],
  describe: describeChain
})

const held = Suite.make({
  name: "Deadline pauses",
  guarantees: ["DL-1", "DL-3"],
  arbitrary: heldCalls,
  run: runHeld,
  level: "realistic",
  reaches: ["a deadline during a pause", "a result that is ready when a pause is over, like its deadline"],
  describe: describeHeld
})

export const suites: ReadonlyArray<Suite.Suite> = [
  anywhere,
  atInstant,
  race,
  nested,
  nestedInOrder,
  jumping,
  held,
  wired
]
