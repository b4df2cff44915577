/** When a call takes so long that a second one beside it is worth its price. */
import { Effect } from "effect"
import * as RetryBudget from "../../RetryBudget.ts"
import type { HedgeRule } from "./execute.ts"
import type { Latencies } from "./latencies.ts"

/** Fewer say too little about what is usual; after so many more it is computed anew. */
const enough = 16

export const hedgeRule = (calls: Latencies, percentile: number, ratio: number): Effect.Effect<HedgeRule> =>
  Effect.map(RetryBudget.make({ ratio, minPerSecond: 0 }), (budget) => {
    let known = 0
    let afterNanos: bigint | undefined
    return {
      budget,
      afterNanos: () => {
        if (calls.count - known < enough) return afterNanos
        known = calls.count
        const millis = calls.percentile(percentile)
        afterNanos = millis === undefined ? undefined : BigInt(Math.round(millis * 1e6))
        return afterNanos
      }
    }
  })
