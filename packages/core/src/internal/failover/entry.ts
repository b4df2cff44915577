/**
 * What is known about one endpoint.
 *
 *   Unknown ──probe──▶ Healthy | Slow | Failed
 *   Healthy ──probe over the threshold──▶ Slow
 *   Healthy | Slow ──probe failed, or a call by its fault──▶ Failed
 *   Slow | Failed ──probe──▶ Healthy, and trusted again after so many in a row
 *   any ──so many calls failed in a row──▶ Ejected ──its time is over──▶ what the probes say, not yet trusted
 *
 * Only probes make an endpoint healthy, so each change to an endpoint that had failed costs it a probe.
 */
import type { Cause, Deferred, Scope } from "effect"
import type { Cuttable } from "../limit.ts"
import type { EndpointUnavailable } from "./errors.ts"
import { Latencies, PeakAverage } from "./latencies.ts"

export type Grade = "Unknown" | "Healthy" | "Slow" | "Failed"

/** What decides how an endpoint is judged. */
export interface Rules {
  readonly thresholdNanos: bigint
  /** How many healthy probes in a row make an endpoint trusted that was slow or failed. */
  readonly consecutive: number
}

export class Entry<Client> {
  readonly id: string
  readonly weight: number
  private readonly rules: Rules
  client: { readonly value: Client } | undefined = undefined
  /** When the latest of those probes began that have ended: older ones say nothing any more. */
  private heardNanos: bigint | undefined = undefined
  /** The last that was heard of it by a probe, or in building its client, is that it is dead. */
  isFoundDead = false
  /** How the client becomes: the attempt to build it that is under way, or was the last. */
  building: Deferred.Deferred<Client, EndpointUnavailable> | undefined = undefined
  /** What belongs to the client. */
  scope: Scope.Closeable | undefined = undefined
  isRemoved = false

  grade: Grade = "Unknown"
  /** Probes in a row that were healthy. */
  private streak = 0
  /** It was slow or failed, and has not earned its trust again. */
  private isSuspect = false
  /** Since when it is healthy. */
  healthyNanos = 0n
  /** The latest instants at which it failed, and at which it was found alive after that. */
  private failedNanos: bigint | undefined = undefined
  private recoveredNanos: bigint | undefined = undefined
  lastCause: Cause.Cause<unknown> | undefined = undefined

  /** The round trip of the last probe, or how long the present one takes already when that is too long. */
  roundTripNanos: bigint | undefined = undefined
  /** The round trips of the latest probes that did not fail. */
  readonly roundTrips: Array<bigint> = []
  readonly probes = new Latencies()
  readonly calls = new Latencies()
  readonly average = new PeakAverage()

  /** Attempts that have not ended, abandoned ones included. */
  inFlight = 0
  /** Those of them that may be made elsewhere. */
  readonly movable = new Set<Cuttable>()

  /** Calls in a row that failed by its fault. */
  private faults = 0
  /** Until when it is out. */
  ejectedNanos: bigint | undefined = undefined
  private ejections = 0
  private lastEjection: { readonly untilNanos: bigint; readonly lengthNanos: bigint } | undefined = undefined

  constructor(id: string, weight: number, rules: Rules) {
    this.id = id
    this.weight = weight
    this.rules = rules
  }

  get isHealthy(): boolean {
    return this.grade === "Healthy" && this.ejectedNanos === undefined
  }

  get isTrusted(): boolean {
    return this.isHealthy && !this.isSuspect
  }

  /** It has to be left, if there is anything better. */
  get isDown(): boolean {
    return this.grade === "Failed" || this.ejectedNanos !== undefined || this.isRemoved
  }

  // --- Probes ------------------------------------------------------------------------------------------------

  /** A probe is under way for longer than the threshold: it is slow, however it ends. */
  overdue(startNanos: bigint, nowNanos: bigint): void {
    // That it has not ended says nothing against an older one that does.
    if (this.heardNanos !== undefined && startNanos < this.heardNanos) return
    this.roundTripNanos = nowNanos - startNanos
    if (this.grade !== "Failed") this.become("Slow")
  }

  answered(startNanos: bigint, nowNanos: bigint): void {
    const tookNanos = nowNanos - startNanos
    this.probes.add(Number(tookNanos) / 1e6)
    if (!this.hear(startNanos)) return
    this.isFoundDead = false
    if (this.isOutdated(startNanos)) return
    this.roundTripNanos = tookNanos
    this.roundTrips.push(tookNanos)
    if (this.roundTrips.length > this.rules.consecutive) this.roundTrips.shift()
    if (this.grade === "Failed") this.recoveredNanos = nowNanos
    if (tookNanos > this.rules.thresholdNanos) return this.become("Slow")
    if (this.grade !== "Healthy") this.healthyNanos = nowNanos
    this.streak++
    if (this.streak >= this.rules.consecutive) this.isSuspect = false
    this.grade = "Healthy"
  }

  /** A probe has failed, or the building of its client. */
  foundDead(startNanos: bigint, nowNanos: bigint, cause: Cause.Cause<unknown>): void {
    if (!this.hear(startNanos)) return
    this.isFoundDead = true
    this.failed(nowNanos, cause)
  }

  private failed(nowNanos: bigint, cause: Cause.Cause<unknown>): void {
    this.lastCause = cause
    this.failedNanos = nowNanos
    this.become("Failed")
  }

  private hear(startNanos: bigint): boolean {
    if (this.heardNanos !== undefined && startNanos < this.heardNanos) return false
    this.heardNanos = startNanos
    return true
  }

  private become(grade: "Slow" | "Failed"): void {
    this.grade = grade
    this.streak = 0
    this.isSuspect = true
  }

  /** What began before the last failure says nothing about the time after it. */
  private isOutdated(startNanos: bigint): boolean {
    return this.failedNanos !== undefined && startNanos < this.failedNanos
  }

  // --- Calls -------------------------------------------------------------------------------------------------

  succeeded(tookMillis: number, nowMillis: number): void {
    this.calls.add(tookMillis)
    this.average.add(tookMillis, nowMillis)
    this.faults = 0
  }

  blameless(): void {
    this.faults = 0
  }

  /** A call failed by its fault; one that began before the endpoint recovered is no news. Says whether it is. */
  faulted(startNanos: bigint, nowNanos: bigint, cause: Cause.Cause<unknown>): boolean {
    if (this.recoveredNanos !== undefined && startNanos < this.recoveredNanos) return false
    this.faults++
    this.failed(nowNanos, cause)
    return true
  }

  /** What it costs to send one more call to it; see `PeakAverage`. */
  cost(nowMillis: number): number {
    const first = this.roundTripNanos === undefined ? 1 : Number(this.roundTripNanos) / 1e6
    return this.average.cost(this.inFlight, nowMillis, first)
  }

  // --- Ejection ----------------------------------------------------------------------------------------------

  isOutlier(consecutive: number): boolean {
    return this.ejectedNanos === undefined && this.faults >= consecutive
  }

  /** Each time in a row it is out for longer, up to ten times the base. */
  eject(nowNanos: bigint, baseNanos: bigint): void {
    const last = this.lastEjection
    if (last !== undefined && nowNanos - last.untilNanos >= last.lengthNanos) this.ejections = 0
    this.ejections = Math.min(this.ejections + 1, ejectionsMax)
    const lengthNanos = baseNanos * BigInt(this.ejections)
    this.ejectedNanos = nowNanos + lengthNanos
    this.lastEjection = { untilNanos: this.ejectedNanos, lengthNanos }
    this.faults = 0
  }

  /** When its time is over, it has to earn its trust again. */
  readmit(nowNanos: bigint): void {
    if (this.ejectedNanos === undefined || nowNanos < this.ejectedNanos) return
    this.ejectedNanos = undefined
    this.healthyNanos = nowNanos
    this.streak = 0
    this.isSuspect = true
    // What failed while it was out was nothing but a last resort.
    this.faults = 0
  }
}

const ejectionsMax = 10
