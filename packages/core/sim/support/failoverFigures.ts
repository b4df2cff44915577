/** What can be said of a strategy in numbers, after it lived through some traces. */
import type { Call, Lived } from "./failoverLoad.ts"

export interface Figures {
  readonly reads: {
    readonly count: number
    readonly failed: number
    /** How long callers waited for an answer, or for an error. */
    readonly p50Millis: number
    readonly p99Millis: number
  }
  readonly submissions: {
    readonly count: number
    /** The caller got an error, or nothing. */
    readonly failed: number
    /** Of those that failed: they were carried out, and the caller was not told that they may have been. */
    readonly failedButDone: number
    readonly unknown: number
    /** Carried out more than once. */
    readonly twice: number
  }
}

const isFailed = ({ end }: Call): boolean => end === "Failed" || end === "NoAnswer"

/** The smallest value that so many are not above. */
const quantile = (sorted: ReadonlyArray<number>, part: number): number =>
  sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0

export const figuresOf = (lives: ReadonlyArray<Lived>): Figures => {
  const reads = lives.flatMap(({ calls }) => calls.filter(({ request }) => request.kind === "read"))
  const waits = reads.map(({ tookMillis }) => tookMillis).sort((a, b) => a - b)
  const submissions = lives.flatMap(({ applied, calls }) =>
    calls
      .filter(({ request }) => request.kind === "submission")
      .map((call) => ({ call, times: applied.get(call.request.id) ?? 0 }))
  )
  const failed = submissions.filter(({ call }) => isFailed(call))
  return {
    reads: {
      count: reads.length,
      failed: reads.filter(isFailed).length,
      p50Millis: quantile(waits, 0.5),
      p99Millis: quantile(waits, 0.99)
    },
    submissions: {
      count: submissions.length,
      failed: failed.length,
      failedButDone: failed.filter(({ times }) => times > 0).length,
      unknown: submissions.filter(({ call }) => call.end === "Unknown").length,
      twice: submissions.filter(({ times }) => times > 1).length
    }
  }
}
