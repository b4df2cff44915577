/** Runs a batch for a person who watches: what it tells becomes lines on the board, and is timed on the way. */
import type { FanOut } from "@holdfast/core"
import { Clock, Duration, Effect } from "effect"
import { markInFlight, setLine, type Tone } from "../live/Board.ts"
import { Live } from "../live/Live.ts"
import type { Entry } from "./Entry.ts"
import { type Outcome, reasonOf } from "./results.ts"

/** What was seen from outside of the batch, on the caller's own clock. */
export interface Watched<Report> {
  readonly report: Report
  readonly elapsedSeconds: number
  readonly tickSeconds: ReadonlyArray<number>
  /** When each target settled, by its position in the batch. */
  readonly settledSeconds: ReadonlyArray<number>
}

/** How an outcome looks on the board. */
export interface Look {
  readonly tone: Tone
  readonly note: string
}

export interface Batch<A> {
  readonly title: string
  /** Those that are called, in the order of the targets. */
  readonly entries: ReadonlyArray<Entry>
  readonly concurrency: number
  readonly deadline: Duration.Duration
  /** By default good when it is an answer, and bad otherwise. */
  readonly lookOf?: (outcome: Outcome<A>) => Look
}

export const watch = Effect.fnUntraced(function* <A, Report, R>(
  { concurrency, deadline, entries, lookOf = defaultLookOf, title }: Batch<A>,
  run: (callbacks: FanOut.Callbacks<unknown, A, unknown>) => Effect.Effect<Report, never, R>
): Effect.fn.Return<Watched<Report>, never, R | Live> {
  const live = yield* Live
  const pane = yield* live.open(
    title,
    entries.map(({ name }) => name),
    Duration.toMillis(deadline)
  )
  yield* pane.update((section) => markInFlight(section, concurrency))

  const startNanos = yield* Clock.monotonicTimeNanos
  const elapsed = Effect.map(Clock.monotonicTimeNanos, (now) => Number(now - startNanos) / 1e9)
  const tickSeconds: Array<number> = []
  const settledSeconds: Array<number> = entries.map(() => NaN)

  const report = yield* run({
    onOutcome: (outcome) =>
      Effect.flatMap(elapsed, (seconds) => {
        settledSeconds[outcome.index] = seconds
        const { note, tone } = lookOf(outcome)
        const line = { tone, note: `${note} · ${seconds.toFixed(1)} s` }
        return pane.update((section) =>
          markInFlight(
            setLine({ ...section, elapsedMillis: seconds * 1000 }, outcome.index, line),
            concurrency
          )
        )
      }),
    onTick: () =>
      Effect.flatMap(elapsed, (seconds) => {
        tickSeconds.push(seconds)
        return pane.update((section) => ({ ...section, elapsedMillis: seconds * 1000 }))
      })
  })

  const elapsedSeconds = yield* elapsed
  yield* pane.update((section) => ({ ...section, open: false }))
  return { report, elapsedSeconds, tickSeconds, settledSeconds }
})

const defaultLookOf = (outcome: Outcome<unknown>): Look => ({
  tone: outcome._tag === "Answered" ? "good" : "bad",
  note: reasonOf(outcome)
})
