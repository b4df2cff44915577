/**
 * What has happened at a server: its calls, and the requests that took effect.
 *
 * A request takes effect at its instant also when nobody waits for it any longer: its caller may have given up, or be
 * dead. No fiber and no timer stands for that. The effects are put in order whenever somebody looks, which nobody can
 * tell from their having been there all along.
 */
import { Exit } from "effect"
import type { Behaviour, Call } from "../../FlakyServer.ts"
import type { HostState } from "../host.ts"

export interface Entry<Req, A> {
  readonly index: number
  readonly request: Req
  readonly behaviour: Behaviour
  readonly startNanos: number
  /** The host of its caller. */
  readonly caller: HostState | undefined
  endNanos: number | undefined
  outcome: Call<Req>["outcome"]
  committedNanos: number | undefined
  /** What the handler gave. */
  reply: Exit.Exit<A> | undefined
}

/** What a server does when it does as asked; see `FlakyServer.make`. */
export interface Rules<in Req, out A> {
  readonly handler: (request: Req, committed: ReadonlyArray<Req>) => A
  readonly changes: (request: Req, committed: ReadonlyArray<Req>) => boolean
}

interface Due<Req, A> {
  readonly entry: Entry<Req, A>
  readonly dueNanos: number
}

/** Instants are integers, so that they can be compared. */
export const toNanos = (millis: number): number => Math.round(millis * 1e6)

const commits = (behaviour: Behaviour): boolean => {
  switch (behaviour._tag) {
    case "Answer":
    case "LoseReply":
    case "Uninterruptible":
      return true
    case "Error":
      return behaviour.commits
    case "Hang":
    case "Refuse":
    case "Die":
      return false
  }
}

export class Ledger<in out Req, in out A> {
  readonly entries: Array<Entry<Req, A>> = []
  readonly committed: Array<Req> = []
  maxInFlight = 0
  /** How many callers wait on each host; those of one that has died wait no more. */
  private readonly waiting = new Map<HostState | undefined, number>()
  /** Requests that are yet to take effect, soonest first. */
  private readonly pending: Array<Due<Req, A>> = []
  private readonly rules: Rules<Req, A>

  constructor(rules: Rules<Req, A>) {
    this.rules = rules
  }

  /** How many callers wait. */
  get inFlight(): number {
    let sum = 0
    for (const [host, count] of this.waiting) if (host?.status !== "dead") sum += count
    return sum
  }

  private addWaiting({ caller }: Entry<Req, A>, by: 1 | -1): void {
    this.waiting.set(caller, (this.waiting.get(caller) ?? 0) + by)
  }

  begin(
    request: Req,
    behaviour: Behaviour,
    startNanos: number,
    caller: HostState | undefined
  ): Entry<Req, A> {
    const entry: Entry<Req, A> = {
      index: this.entries.length,
      request,
      behaviour,
      startNanos,
      caller,
      endNanos: undefined,
      outcome: undefined,
      committedNanos: undefined,
      reply: undefined
    }
    this.entries.push(entry)
    if (behaviour._tag !== "Hang" && commits(behaviour)) {
      const dueNanos = startNanos + toNanos(behaviour.latencyMillis)
      const at = this.pending.findIndex((other) => other.dueNanos > dueNanos)
      this.pending.splice(at === -1 ? this.pending.length : at, 0, { entry, dueNanos })
    }
    this.addWaiting(entry, 1)
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight)
    return entry
  }

  end(entry: Entry<Req, A>, nowNanos: number): void {
    entry.endNanos = nowNanos
    entry.outcome ??= "Interrupted"
    this.addWaiting(entry, -1)
  }

  /** As a reader of the log sees them. */
  calls(sinceNanos: number): ReadonlyArray<Call<Req>> {
    const millis = (nanos: number | undefined) =>
      nanos === undefined ? undefined : (nanos - sinceNanos) / 1e6
    return this.entries.map((entry) => ({
      request: entry.request,
      behaviour: entry.behaviour,
      startMillis: (entry.startNanos - sinceNanos) / 1e6,
      endMillis: millis(entry.endNanos),
      outcome: entry.outcome,
      committedMillis: millis(entry.committedNanos)
    }))
  }

  /** All that was due until now takes effect; of one instant, in the order of the calls. */
  settle(nowNanos: number): void {
    for (;;) {
      const next = this.pending[0]
      if (next === undefined || next.dueNanos > nowNanos) return
      this.pending.shift()
      this.commit(next)
    }
  }

  private commit({ dueNanos, entry }: Due<Req, A>): void {
    const { request } = entry
    // A copy, because a reply that holds it must not change when others come.
    const before = this.committed.slice()
    try {
      entry.reply = Exit.succeed(this.rules.handler(request, before))
      if (!this.rules.changes(request, before)) return
    } catch (defect) {
      entry.reply = Exit.die(defect)
      return
    }
    entry.committedNanos = dueNanos
    this.committed.push(request)
  }
}
