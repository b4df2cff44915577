/** Calls of every kind, as data: what a fan-out has to hold over, and what a run sees of them. */
import { Deadline } from "@holdfast/core"
import { Cause, type Clock, Deferred, Duration, Effect, Exit } from "effect"
import * as fc from "fast-check"
import { lengthOf, sleep, words } from "./time.ts"

export type End = "answers" | "fails" | "dies" | "gives up"

/** One attempt at a target. */
export interface Try {
  /** How long it takes when it is left alone; an infinite one hangs. */
  readonly nanos: number
  readonly end: End
  /** It cannot be interrupted. */
  readonly holds: boolean
  /** How long its finalizer takes when it is interrupted. */
  readonly closingNanos: number
  /**
   * It waits under the deadline of the batch, and says so when that comes, or answers something else instead. Or it waits
   * until some other call begins, or an `until` wakes it.
   */
  readonly wait: "plain" | "bounded" | "falls back" | "woken"
}

/** What happens at one target: an attempt each, the last one again and again. */
export interface Call {
  readonly tries: readonly [Try, ...ReadonlyArray<Try>]
  /** One that takes no time has ended before the batch sees it; otherwise it ends at the same instant. */
  readonly isExit: boolean
}

export type Failure = string | Deadline.DeadlineExceeded

export const tryOf = ({ tries }: Call, number: number): Try => tries[number - 1] ?? tries.at(-1) ?? tries[0]

/** How an attempt ended, as far as its cause tells. */
export type How = End | "timed out"

export const howOf = (cause: Cause.Cause<unknown> | undefined): How => {
  if (cause === undefined) return "answers"
  if (Cause.hasDies(cause)) return "dies"
  if (!Cause.hasFails(cause)) return "gives up"
  return cause.reasons.some((reason) => reason._tag === "Fail" && isTimeout(reason.error))
    ? "timed out"
    : "fails"
}

const isTimeout = (error: unknown): boolean =>
  typeof error === "object" && error !== null && "_tag" in error && error._tag === "AttemptTimeout"

// ----------------------------------------------------------------------------
// What a run sees
// ----------------------------------------------------------------------------

/** One attempt of a run. */
export interface Entry {
  readonly index: number
  readonly one: Try
  readonly startNanos: number
  isDone: boolean
  /** When it was over, or began to close. */
  closedNanos: number | undefined
  /** When nothing of it was left. */
  endNanos: number | undefined
}

/** All attempts of a run. */
export class Log {
  readonly entries: Array<Entry> = []
  live = 0
  most = 0
  /** How often an `until` threw. */
  thrown = 0
  /** Called as an attempt begins. */
  onBegin: (entry: Entry) => void = () => {}
  /** Of those that wait to be woken. */
  private doors: Array<Deferred.Deferred<void>> = []
  private readonly clock: Clock.Clock

  constructor(clock: Clock.Clock) {
    this.clock = clock
  }

  nowNanos(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe())
  }

  begin(index: number, one: Try): Entry {
    const startNanos = this.nowNanos()
    const entry: Entry = {
      index,
      one,
      startNanos,
      isDone: false,
      closedNanos: undefined,
      endNanos: undefined
    }
    this.entries.push(entry)
    this.live++
    this.most = Math.max(this.most, this.live)
    this.onBegin(entry)
    return entry
  }

  /** Wakes the calls that wait for it. */
  wake(): void {
    const { doors } = this
    this.doors = []
    for (const door of doors) Deferred.doneUnsafe(door, Exit.void)
  }

  /** A call begins: wakes the others. Gives what opens when it is woken in its turn. */
  arrive(): Deferred.Deferred<void> {
    const door = Deferred.makeUnsafe<void>()
    const { doors } = this
    this.doors = [door]
    for (const other of doors) Deferred.doneUnsafe(other, Exit.void)
    return door
  }

  close(entry: Entry): void {
    entry.closedNanos = this.nowNanos()
  }

  end(entry: Entry): void {
    entry.endNanos = this.nowNanos()
    this.live--
  }

  /** When the last of what goes on now will have ended; an attempt that nobody has interrupted may never. */
  lastEndNanos(): number {
    let last = 0
    for (const { closedNanos, endNanos, one, startNanos } of this.entries) {
      if (endNanos !== undefined) continue
      last = Math.max(
        last,
        closedNanos === undefined ? startNanos + one.nanos : closedNanos + one.closingNanos
      )
    }
    return last
  }
}

// ----------------------------------------------------------------------------
// As an effect
// ----------------------------------------------------------------------------

/** Made once: what an error costs is its stack. */
const thrown = new Error("thrown by a call")

const finished = ({ end }: Try, index: number): Exit.Exit<number, Failure> => {
  switch (end) {
    case "answers":
      return Exit.succeed(index)
    case "fails":
      return Exit.fail("refused")
    case "dies":
      return Exit.die("a bug")
    case "gives up":
      return Exit.interrupt()
  }
}

const waitFor = ({ nanos, wait }: Try, door: Deferred.Deferred<void>): Effect.Effect<unknown, Failure> => {
  if (wait === "woken") return Deferred.await(door)
  const waited = nanos === Infinity ? Effect.never : sleep(nanos)
  return wait === "plain" ? waited : Deadline.within(waited, Duration.infinity)
}

const waitAndFinish = (
  { index, one }: Entry,
  door: Deferred.Deferred<void>,
  finish: Effect.Effect<number, Failure>
): Effect.Effect<number, Failure> => {
  const waiting = waitFor(one, door)
  return one.wait === "falls back"
    ? Effect.matchEffect(waiting, { onFailure: () => Effect.succeed(index), onSuccess: () => finish })
    : Effect.andThen(waiting, finish)
}

const close = (log: Log, entry: Entry): Effect.Effect<void> => {
  const { isDone, one } = entry
  log.close(entry)
  const end = Effect.sync(() => log.end(entry))
  return isDone || one.closingNanos === 0 ? end : Effect.andThen(sleep(one.closingNanos), end)
}

/** The call of a target, which answers with its place. It may end before it returns, and may throw. */
export const perform = (log: Log, index: number, call: Call, number = 1): Effect.Effect<number, Failure> => {
  const one = tryOf(call, number)
  const door = log.arrive()
  if (one.nanos === 0 && call.isExit) {
    const entry = log.begin(index, one)
    log.close(entry)
    log.end(entry)
    if (one.end === "dies") throw thrown
    return finished(one, index)
  }
  // Not before its finalizer is there: it may be interrupted as it begins.
  let entry: Entry | undefined
  const finish = Effect.suspend(() => {
    if (entry !== undefined) entry.isDone = true
    return finished(one, index)
  })
  const begun = Effect.suspend(() => {
    entry = log.begin(index, one)
    return waitAndFinish(entry, door, finish)
  })
  return Effect.onExit(one.holds ? Effect.uninterruptible(begun) : begun, () =>
    entry === undefined ? Effect.void : close(log, entry)
  )
}

// ----------------------------------------------------------------------------
// Drawn
// ----------------------------------------------------------------------------

/** So long, in units, take finalizers that hang, and calls that hang and cannot be interrupted: longer than any batch. */
const longUnits = 20

const endOf = fc.constantFrom<End>("answers", "answers", "answers", "fails", "dies", "gives up")

export const tryArbitrary = (unit: number): fc.Arbitrary<Try> =>
  fc
    .record({
      nanos: fc.oneof(
        { weight: 4, arbitrary: lengthOf(unit) },
        { weight: 1, arbitrary: fc.constant(Infinity) }
      ),
      end: endOf,
      manner: fc.constantFrom(
        "plain",
        "plain",
        "plain",
        "plain",
        "holds",
        "closes",
        "hangs at its end",
        "bounded",
        "falls back",
        "woken"
      )
    })
    .map(({ end, manner, nanos }) => {
      const holds = manner === "holds"
      return {
        nanos: manner === "woken" ? Infinity : holds && nanos === Infinity ? longUnits * unit : nanos,
        end,
        holds,
        closingNanos: manner === "closes" ? unit : manner === "hangs at its end" ? longUnits * unit : 0,
        wait: manner === "bounded" || manner === "falls back" || manner === "woken" ? manner : "plain"
      }
    })

/** A call of one attempt. */
export const callArbitrary = (unit: number): fc.Arbitrary<Call> =>
  fc.record({ tries: fc.tuple(tryArbitrary(unit)), isExit: fc.boolean() })

const describeTry = ({ closingNanos, end, holds, nanos, wait }: Try): string =>
  [
    nanos === Infinity ? "hangs" : `${end} after ${words(nanos)}`,
    ...(holds ? ["cannot be interrupted"] : []),
    ...(closingNanos > 0 ? [`closes for ${words(closingNanos)}`] : []),
    ...(wait === "plain" ? [] : [wait])
  ].join(", ")

export const describeCall = ({ isExit, tries }: Call): string =>
  `${tries.map(describeTry).join(", then ")}${isExit && tries[0].nanos === 0 ? ", at once" : ""}`
