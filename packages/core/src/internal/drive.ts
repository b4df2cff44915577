/** How the events of a batch reach its calling fiber: as callbacks, or as a stream. */
import { Array as Arr, Cause, Effect, type Pull, type Scope, Stream } from "effect"
import type * as FanOut from "../FanOut.ts"
import { Batch, type Plan, type Running } from "./batch.ts"

/** Starts the batch; the calling fiber is the one that waits for it. */
export const startBatch = <T, A, E, R>(
  plan: Plan<T, A, E, R>,
  targets: ReadonlyArray<T>
): Effect.Effect<Running<T, A, E>, never, R> =>
  Effect.withFiberSucceed<Running<T, A, E>, R>((fiber) => {
    const batch = new Batch(plan, targets, fiber)
    batch.start()
    return batch
  })

/** A defect that cannot be printed, or a logger that dies, harms nobody else either. */
const logDeath = (message: string, cause: Cause.Cause<unknown>): Effect.Effect<void> =>
  Effect.catchDefect(Effect.logError(message, cause), () => Effect.void)

const logDefects = <T, A, E>(batch: Running<T, A, E>): Effect.Effect<void> =>
  Effect.suspend(() =>
    Effect.forEach(batch.takeDefects(), (cause) => logDeath(`fan-out "${batch.label}": a call died`, cause), {
      discard: true
    })
  )

/** Without a report it is only the log that tells of a call that died. */
const stopBatch = <T, A, E>(batch: Running<T, A, E>): Effect.Effect<void> =>
  Effect.andThen(batch.stop, logDefects(batch))

/** The control flow of `run`: waits for news on the calling fiber, and hands them to the callbacks. */
export const drive = <T, A, E, R, R2 = never>(
  start: Effect.Effect<Running<T, A, E>, never, R>,
  { onOutcome, onTick }: FanOut.Callbacks<T, A, E, R2>
): Effect.Effect<FanOut.Report<T, A, E>, never, R | R2> =>
  Effect.uninterruptibleMask((restore) => {
    // In an uninterruptible region, an interruption that is caught here comes back at the next `restore`.
    const guard = (label: string, callback: () => Effect.Effect<unknown, never, R2>) =>
      Effect.catchCause(restore(Effect.suspend(callback)), (cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.void : logDeath(`fan-out "${label}": a callback died`, cause)
      )
    const loop = Effect.fnUntraced(function* (batch: Running<T, A, E>) {
      for (;;) {
        yield* restore(batch.news)
        // Taken before them: whoever dies while this fiber yields here comes with an event that is yet to be taken.
        const events = batch.takeEvents()
        yield* logDefects(batch)
        for (const event of events) {
          if (event._tag === "Ended") return event.report
          if (event._tag === "Settled" && onOutcome) yield* guard(batch.label, () => onOutcome(event.outcome))
        }
        const progress = batch.takeTick()
        if (progress !== undefined && onTick) yield* guard(batch.label, () => onTick(progress))
      }
    })
    return Effect.flatMap(start, (batch) => Effect.onExit(loop(batch), () => stopBatch(batch)))
  })

/** The events as a stream, which ends the batch when it is ended early. */
export const streamOf = <T, A, E, R>(
  start: Effect.Effect<Running<T, A, E>, never, R>
): Stream.Stream<FanOut.Event<T, A, E>, never, Exclude<R, Scope.Scope>> =>
  Stream.unwrap(
    Effect.map(Effect.acquireRelease(start, stopBatch), (batch) =>
      Stream.fromPull(Effect.sync(() => pullFrom(batch)))
    )
  )

const pullFrom = <T, A, E>(
  batch: Running<T, A, E>
): Pull.Pull<Arr.NonEmptyReadonlyArray<FanOut.Event<T, A, E>>> => {
  let hasEnded = false
  const pull: Pull.Pull<Arr.NonEmptyReadonlyArray<FanOut.Event<T, A, E>>> = Effect.suspend(() => {
    if (hasEnded) return Cause.done()
    return Effect.andThen(
      batch.news,
      Effect.suspend(() => {
        const settled = batch.takeEvents()
        const progress = batch.takeTick()
        const events = progress === undefined ? settled : [...settled, { _tag: "Tick" as const, progress }]
        hasEnded = events.some((event) => event._tag === "Ended")
        const next = Arr.isReadonlyArrayNonEmpty(events) ? Effect.succeed(events) : pull
        return Effect.andThen(logDefects(batch), next)
      })
    )
  })
  return pull
}
