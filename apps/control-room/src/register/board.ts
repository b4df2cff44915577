/** What a person sees of a scenario: a line for each of those that take part. */
import { Effect } from "effect"
import { setLine, type Tone } from "../live/Board.ts"
import { Live } from "../live/Live.ts"

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
  return (index: number, tone: Tone, note: string): Effect.Effect<void> =>
    pane.update((section) => setLine(section, index, { tone, note }))
})
