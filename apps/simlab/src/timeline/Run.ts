import type * as Trace from "@holdfast/sim/Trace"

/**
 * One simulated run, with what a person needs to recognise it.
 *
 * `token` replays it, `failure` is what broke (`undefined` when all went well), `virtualNanos` is the time at which
 * it ended, and `hash` is that of its trace.
 */
export interface Run {
  readonly title: string
  readonly suite: string
  readonly token: string
  readonly failure: string | undefined
  readonly virtualNanos: number
  readonly hash: string
  /** What was given: names, and what they stand for, in words. */
  readonly scenario: ReadonlyArray<readonly [name: string, text: string]>
  readonly events: ReadonlyArray<Trace.Event>
}
