/** A budget for the retries of many callers, while their server is down. */
import * as Suite from "@holdfast/sim/Suite"
import { describeOutage, outageOf, runOutage } from "./support/outage.ts"
import { onScales } from "./support/time.ts"

const outage = Suite.make({
  name: "RetryBudget",
  guarantees: ["RT-6"],
  arbitrary: onScales(outageOf),
  run: runOutage,
  reaches: ["a retry that is refused", "a retry that is granted after one was refused"],
  describe: describeOutage
})

export const suites: ReadonlyArray<Suite.Suite> = [outage]
