/** What a person sees of a scenario: a line for each of those that take part. */
import { Effect } from "effect"
import { type Section, setLine, type Tone } from "../live/Board.ts"
import { Live } from "../live/Live.ts"

export interface Board {
  readonly line: (index: number, tone: Tone, note: string) => Effect.Effect<void>
  /** What the counter counts from now on: unless it is told, those that are done. */
  readonly progress: (progress: NonNullable<Section["progress"]>) => Effect.Effect<void>
}

export const openBoard = Effect.fnUntraced(function* (
  title: string,
  names: ReadonlyArray<string>,
  secondsMax: number
) {
  const pane = yield* (yield* Live).open(title, names, secondsMax * 1000)
  yield* Effect.addFinalizer(() => pane.update((section) => ({ ...section, open: false })))
  yield* Effect.sleep("1 second").pipe(
    Effect.andThen(pane.update((section) => ({ ...section, elapsedMillis: section.elapsedMillis + 1000 }))),
    Effect.forever,
    Effect.forkScoped
  )
  return {
    line: (index, tone, note) => pane.update((section) => setLine(section, index, { tone, note })),
    progress: (progress) => pane.update((section) => ({ ...section, progress }))
  } satisfies Board
})
