/** Which endpoint is the route: a pure decision over what is known. */
import type { Entry } from "./entry.ts"

export type Reason = "Initial" | "Slow" | "Failed" | "Ejected" | "Faster" | "Failback" | "Removed"

export interface RouteRules {
  readonly marginNanos: bigint
  readonly dwellNanos: bigint
  /** In how many probes in a row an endpoint has to be faster, to be preferred for that. */
  readonly consecutive: number
  /** `undefined`: never. */
  readonly failbackNanos: bigint | undefined
  /** Whether a fast enough endpoint is left for a faster one. */
  readonly prefersFastest: boolean
}

export interface View<Client> {
  /** The first is the primary. */
  readonly entries: ReadonlyArray<Entry<Client>>
  readonly active: Entry<Client>
  /** When the route last changed. */
  readonly changedNanos: bigint | undefined
}

export interface Move<Client> {
  readonly to: Entry<Client>
  readonly reason: Reason
}

/** How good an endpoint is for a call: the lower, the better. */
export const rankOf = <Client>({ client, ejectedNanos, grade, isTrusted }: Entry<Client>): number => {
  if (client === undefined) return 6
  if (grade === "Failed") return down
  // Its calls fail, but it is there: when all others are dead it is the best that there is.
  if (ejectedNanos !== undefined) return 4
  if (grade === "Slow") return 3
  if (grade === "Unknown") return 2
  return isTrusted ? 0 : 1
}

/** The lowest rank of an endpoint that no answer can be expected from. */
export const down = 5

const roundTripOf = <Client>({ roundTripNanos }: Entry<Client>): bigint => roundTripNanos ?? 0n

/** Among equals the faster one, then the one that was named first. */
const isBefore = <Client>(one: Entry<Client>, other: Entry<Client>): boolean => {
  const difference = rankOf(one) - rankOf(other)
  return difference === 0 ? roundTripOf(one) < roundTripOf(other) : difference < 0
}

/** The best of those that fulfil a condition. */
export const best = <Client>(
  entries: ReadonlyArray<Entry<Client>>,
  condition: (entry: Entry<Client>) => boolean
): Entry<Client> | undefined => {
  let found: Entry<Client> | undefined
  for (const entry of entries) {
    if (condition(entry) && (found === undefined || isBefore(entry, found))) found = entry
  }
  return found
}

/** Faster by the margin than this time. */
const isFasterThan = <Client>(entry: Entry<Client>, nanos: bigint, { marginNanos }: RouteRules): boolean =>
  roundTripOf(entry) + marginNanos <= nanos

/** Faster by the margin in each of the latest probes than the active one in any of them. */
const isFasterEachTime = <Client>(
  entry: Entry<Client>,
  active: Entry<Client>,
  rules: RouteRules
): boolean => {
  const { consecutive } = rules
  if (entry.roundTrips.length < consecutive || active.roundTrips.length < consecutive) return false
  const slowest = entry.roundTrips.reduce((one, other) => (one > other ? one : other))
  // Also without a margin what is as fast is not faster.
  return active.roundTrips.every((nanos) => slowest < nanos && slowest + rules.marginNanos <= nanos)
}

const downReason = <Client>(active: Entry<Client>): Reason => {
  if (active.isRemoved) return "Removed"
  return active.ejectedNanos === undefined ? "Failed" : "Ejected"
}

/**
 * Where to go from here; `undefined`: the route stays.
 *
 * Quick to leave, slow to trust: what is down is left at once for whatever is better. All else needs an endpoint that has
 * earned trust, a margin, and that the last change is `dwell` ago, so that no pattern of latencies can make more than one
 * change in that time.
 */
export const decide = <Client>(
  { active, changedNanos, entries }: View<Client>,
  rules: RouteRules,
  nowNanos: bigint
): Move<Client> | undefined => {
  if (active.isDown) {
    // One that has failed has to earn its way back, even where the other has not got a client.
    const isBetter = (entry: Entry<Client>) => rankOf(entry) < Math.min(rankOf(active), down)
    // What is removed has to be left, wherever to.
    const to = best(entries, (entry) => entry !== active && (active.isRemoved || isBetter(entry)))
    return to === undefined ? undefined : { to, reason: downReason(active) }
  }
  if (changedNanos !== undefined && nowNanos - changedNanos < rules.dwellNanos) return undefined
  const isCandidate = (entry: Entry<Client>) => entry !== active && entry.isTrusted
  if (active.grade === "Slow") {
    const to = best(entries, (entry) => isCandidate(entry) && isFasterThan(entry, roundTripOf(active), rules))
    if (to !== undefined) return { to, reason: "Slow" }
  }
  if (rules.prefersFastest) {
    const to = best(entries, (entry) => isCandidate(entry) && isFasterEachTime(entry, active, rules))
    return to === undefined ? undefined : { to, reason: "Faster" }
  }
  const primary = entries[0]
  const isBack =
    primary !== undefined &&
    rules.failbackNanos !== undefined &&
    isCandidate(primary) &&
    nowNanos - primary.healthyNanos >= rules.failbackNanos
  return isBack ? { to: primary, reason: "Failback" } : undefined
}
