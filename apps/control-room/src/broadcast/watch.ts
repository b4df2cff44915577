/** Runs a batch for a person who watches: its events become lines on the board, and are measured on the way. */
import type { FanOut } from "@holdfast/core"
import { Clock, Effect, Stream } from "effect"
import { type Section, setLine, type Tone } from "../live/Board.ts"
import { Live } from "../live/Live.ts"
import type { Target } from "./Entry.ts"
import { reasonOf } from "./results.ts"

/** What was seen from outside of the batch, on the caller's own clock. */
export interface Watched<A, E> {
  readonly report: FanOut.Report<Target, A, E>
  readonly elapsedSeconds: number
  readonly tickSeconds: ReadonlyArray<number>
  /** When each target settled, by its position in the batch. */
  readonly settledSeconds: ReadonlyArray<number>
  /** The same on the wall clock, for people. */
  readonly settledAtMillis: ReadonlyArray<number>
}

export interface Verdict {
  readonly tone: Tone
  readonly note: string
}

export interface Batch<A, E> {
  readonly title: string
  readonly targets: ReadonlyArray<Target>
  readonly deadlineMillis: number
  /** How an outcome looks on the board; by default good when it is an answer, and bad otherwise. */
  readonly say?: (outcome: FanOut.Outcome<Target, A, E>) => Verdict
}

export const watch = Effect.fnUntraced(function* <A, E, R>(
  batch: Batch<A, E>,
  events: Stream.Stream<FanOut.Event<Target, A, E>, never, R>
): Effect.fn.Return<Watched<A, E>, never, R | Live> {
  const live = yield* Live
  const { deadlineMillis, say = sayDefault, targets, title } = batch
  const pane = yield* live.open(
    title,
    targets.map(({ entry }) => entry.name),
    deadlineMillis
  )
  const startNanos = yield* Clock.monotonicTimeNanos
  const elapsed = Effect.map(Clock.monotonicTimeNanos, (now) => Number(now - startNanos) / 1e9)

  let report: FanOut.Report<Target, A, E> | undefined
  let settled = 0
  const tickSeconds: Array<number> = []
  const settledSeconds: Array<number> = targets.map(() => NaN)
  const settledAtMillis: Array<number> = targets.map(() => NaN)
  const inFlight = new Map<number, number>()

  yield* Stream.runForEach(events, (event) =>
    Effect.gen(function* () {
      const seconds = yield* elapsed
      const progress = { settled, total: targets.length, elapsedMillis: seconds * 1000, deadlineMillis }
      switch (event._tag) {
        case "Started":
          inFlight.set(event.index, seconds)
          return yield* pane.update((section) =>
            setLine({ ...section, progress }, event.index, { tone: "running", note: "in flight" })
          )
        case "Settled": {
          const { outcome } = event
          settled += 1
          inFlight.delete(outcome.index)
          settledSeconds[outcome.index] = seconds
          settledAtMillis[outcome.index] = yield* Clock.currentTimeMillis
          const { note, tone } = say(outcome)
          return yield* pane.update((section) =>
            setLine({ ...section, progress: { ...progress, settled } }, outcome.index, {
              tone,
              note: `${note} · ${seconds.toFixed(1)} s`
            })
          )
        }
        case "Tick":
          tickSeconds.push(seconds)
          return yield* pane.update((section) => {
            let next: Section = { ...section, progress }
            for (const [index, since] of inFlight) {
              next = setLine(next, index, {
                tone: "running",
                note: `in flight for ${Math.round(seconds - since)} s`
              })
            }
            return next
          })
        case "Ended":
          report = event.report
      }
    })
  )

  const elapsedSeconds = yield* elapsed
  yield* pane.update((section) => ({ ...section, open: false }))
  if (report === undefined) return yield* Effect.die(new Error(`the batch "${title}" ended without a report`))
  return { report, elapsedSeconds, tickSeconds, settledSeconds, settledAtMillis }
})

const sayDefault = <A, E>(outcome: FanOut.Outcome<Target, A, E>): Verdict =>
  outcome._tag === "Answered" ? { tone: "good", note: "answered" } : { tone: "bad", note: reasonOf(outcome) }
