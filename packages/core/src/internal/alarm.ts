/**
 * One instant, and everybody who waits for it.
 *
 * A deadline is kept by the one who set it (its owner) and by those further in who inherit it (its heirs).
 * They share one timer, so that their order is not left to chance: at the instant the heirs ring first, the
 * latest first, then the owner.
 */
import type { Clock } from "effect"
import { apart } from "./apart.ts"
import { type Caller, type Ringable, startTimer, type Timer } from "./timer.ts"

/** So that all who look at such a deadline speak of the same alarm. */
const madeByHand = new WeakMap<object, Alarm>()

export class Alarm implements Ringable {
  readonly label: string
  readonly atNanos: bigint
  /** Whose time `atNanos` is: heirs may live by another clock. */
  private readonly clock: Clock.Clock
  private owner: Ringable | undefined = undefined
  private heirs: Set<Ringable> | undefined = undefined
  private timer: Timer | undefined = undefined
  /** What it was set for has ended in time, and what comes of that is not bound by it. */
  isOver = false

  constructor(label: string, atNanos: bigint, clock: Clock.Clock) {
    this.label = label
    this.atNanos = atNanos
    this.clock = clock
  }

  /** The alarm behind an ambient deadline; one that was made by hand gets an alarm of its own. */
  static from(deadline: { readonly label: string; readonly atNanos: bigint }, clock: Clock.Clock): Alarm {
    if (deadline instanceof Alarm) return deadline
    const known = madeByHand.get(deadline)
    if (known?.clock === clock) return known
    const alarm = new Alarm(deadline.label, deadline.atNanos, clock)
    madeByHand.set(deadline, alarm)
    return alarm
  }

  /** How long until it rings; negative when it is late. */
  leftNanos(): bigint {
    return this.atNanos - this.clock.monotonicTimeNanosUnsafe()
  }

  /** The same, for one who has read a clock already, which is the alarm's own as a rule. */
  leftNanosAt(clock: Clock.Clock, nowNanos: bigint): bigint {
    return clock === this.clock ? this.atNanos - nowNanos : this.leftNanos()
  }

  own(ringable: Ringable): void {
    this.owner = ringable
  }

  inherit(ringable: Ringable): void {
    this.heirs ??= new Set()
    this.heirs.add(ringable)
  }

  /** Starts the timer, unless it runs: work that ends at once never needs one. */
  arm(caller: Caller): void {
    this.timer ??= startTimer(caller, this.clock, this.atNanos, this)
  }

  /** The last one to leave cancels the timer. */
  leave(ringable: Ringable): void {
    if (this.owner === ringable) this.owner = undefined
    else this.heirs?.delete(ringable)
    if (this.owner === undefined && (this.heirs === undefined || this.heirs.size === 0)) {
      this.timer?.cancel()
      this.timer = undefined
    }
  }

  /** Called by the timer. */
  ring(): void {
    this.timer = undefined
    if (this.heirs !== undefined) {
      for (const heir of Array.from(this.heirs).reverse()) {
        if (this.heirs.delete(heir)) apart(() => heir.ring())
      }
    }
    const owner = this.owner
    this.owner = undefined
    owner?.ring()
  }
}
