/** What is computed from what was seen. Pure. */
import type { SeenSet } from "./node/Wire.ts"
import type { Request } from "./Route.ts"
import type { Paid } from "./workload.ts"

/** What requests came to, and how long they took: those that are open as long as they have taken. */
export interface Figures {
  readonly requests: number
  readonly failed: number
  readonly unknown: number
  readonly p50Seconds: number
  readonly p99Seconds: number
  readonly slowestSeconds: number
}

/** The smallest of the values that so large a part of them do not exceed. */
export const percentile = (values: ReadonlyArray<number>, part: number): number => {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.max(Math.ceil(part * sorted.length) - 1, 0)] ?? NaN
}

/** Of none there is no longest. */
export const longest = (seconds: ReadonlyArray<number>): number =>
  seconds.length === 0 ? NaN : Math.max(...seconds)

const isFailed = ({ outcome }: Request): boolean => outcome === "failed" || outcome === "refused"

export const durationOf = ({ endSeconds, startSeconds }: Request, nowSeconds = Infinity): number =>
  (endSeconds ?? nowSeconds) - startSeconds

export const figuresOf = (requests: ReadonlyArray<Request>, nowSeconds: number): Figures => {
  const seconds = requests.map((request) => durationOf(request, nowSeconds))
  return {
    requests: requests.length,
    failed: requests.filter(isFailed).length,
    unknown: requests.filter(({ outcome }) => outcome === "unknown").length,
    p50Seconds: percentile(seconds, 0.5),
    p99Seconds: percentile(seconds, 0.99),
    slowestSeconds: longest(seconds)
  }
}

/** Those that began in that time. */
export const begunIn = (
  requests: ReadonlyArray<Request>,
  fromSeconds: number,
  toSeconds = Infinity
): ReadonlyArray<Request> =>
  requests.filter(({ startSeconds }) => startSeconds >= fromSeconds && startSeconds < toSeconds)

/** What is wrong with the books, when the ledger is compared with what the one who paid knows. */
export interface Discrepancies {
  /** Nonces of an account that are missing, or there twice. */
  readonly nonces: number
  /** Payments that were made more than once. */
  readonly twice: number
  /** Payments that were acknowledged, and not made. */
  readonly lost: number
  /** Payments that failed for certain, and were made. */
  readonly ghosts: number
}

export const discrepancies = (applied: SeenSet["applied"], payments: ReadonlyArray<Paid>): Discrepancies => {
  const times = new Map<string, number>()
  const next = new Map<string, number>()
  let nonces = 0
  for (const { account, nonce, payment } of applied) {
    const expected = next.get(account) ?? 0
    if (nonce !== expected) nonces++
    next.set(account, expected + 1)
    times.set(payment, (times.get(payment) ?? 0) + 1)
  }
  const timesOf = ({ payment }: Paid) => times.get(payment.id) ?? 0
  const count = (outcome: Paid["outcome"], isWrong: (times: number) => boolean) =>
    payments.filter((paid) => paid.outcome === outcome && isWrong(timesOf(paid))).length
  return {
    nonces,
    twice: [...times.values()].filter((count) => count > 1).length,
    lost: count("made", (times) => times === 0),
    ghosts: count("failed", (times) => times > 0)
  }
}
