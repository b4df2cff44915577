/** Retried calls: undisturbed, with a deadline around them, interrupted, hinted at by servers, and at their longest. */
import * as Suite from "@holdfast/sim/Suite"
import { describeHinted, hinted, runHinted } from "./support/hintedCalls.ts"
import { describeLong, longOf, runLong } from "./support/longestCalls.ts"
import { describeSlept, runSlept, sleptCalls } from "./support/pausingHost.ts"
import {
  boundedOf,
  describeBounded,
  describeInterrupted,
  describeTold,
  interruptedOf,
  runBounded,
  runInterrupted,
  runTold,
  toldOf
} from "./support/retriedCalls.ts"
import { onScales } from "./support/time.ts"

const undisturbed = Suite.make({
  name: "Retry",
  guarantees: ["RT-1", "DL-5"],
  arbitrary: onScales(toldOf),
  run: runTold,
  leaks: "DL-5",
  reaches: ["a call that uses up its attempts", "a schedule that ends", "a success after a failure"],
  describe: describeTold
})

const bounded = Suite.make({
  name: "Retry within a deadline",
  guarantees: ["RT-3", "DL-5"],
  arbitrary: onScales(boundedOf),
  run: runBounded,
  leaks: "DL-5",
  reaches: [
    "a delay that is not begun",
    "a delay that would end just at the deadline",
    "a call that outlives its deadline"
  ],
  describe: describeBounded
})

const interrupted = Suite.make({
  name: "Retry interrupts",
  guarantees: ["RT-4", "DL-5"],
  arbitrary: onScales(interruptedOf),
  run: runInterrupted,
  leaks: "DL-5",
  reaches: [
    "an interruption during a delay",
    "an interruption when a delay ends",
    "an interruption during an attempt"
  ],
  describe: describeInterrupted
})

const longest = Suite.make({
  name: "Retry worst case",
  guarantees: ["RT-2"],
  arbitrary: onScales(longOf),
  run: runLong,
  reaches: ["the worst case", "the worst case with jitter", "the worst case with hints"],
  describe: describeLong
})

const hints = Suite.make({
  name: "Retry hints",
  guarantees: ["RT-7"],
  arbitrary: hinted,
  run: runHinted,
  reaches: [
    "a date of form fixed",
    "a date of form RFC 850",
    "a date of form asctime",
    "a hint longer than it may be",
    "a hint shorter than the backoff"
  ],
  describe: describeHinted
})

const slept = Suite.make({
  name: "Retry pauses",
  guarantees: ["RT-3"],
  arbitrary: sleptCalls,
  run: runSlept,
  reaches: ["a delay that a pause takes past the deadline"],
  describe: describeSlept
})

export const suites: ReadonlyArray<Suite.Suite> = [undisturbed, longest, bounded, slept, interrupted, hints]
