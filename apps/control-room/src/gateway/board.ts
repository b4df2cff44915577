/** What a person sees of a scenario: how its nodes are, and how its clients fare. */
import { Duration, Effect, Schedule } from "effect"
import { type Section, setLine, type Tone } from "../live/Board.ts"
import { Live } from "../live/Live.ts"
import { figuresOf } from "./measure.ts"
import { nameOf } from "./Nodes.ts"
import { Numbers } from "./Numbers.ts"
import type { Behaviour } from "./node/Wire.ts"
import type { Scene, Side } from "./Scene.ts"

/** No scenario takes longer. */
export const secondsMax = 45

const lines = [...Numbers.latencies.map((_, node) => `node ${nameOf(node)}`), "gateway", "naive client"]

const frameInterval = Duration.millis(500)

/** What is shown of a scene. */
type Followed = Pick<Scene, "now" | "gateway" | "naive" | "changes">

/** A line for each node, and one for each client. */
export const openBoard = Effect.fnUntraced(function* (title: string) {
  const pane = yield* (yield* Live).open(title, lines, secondsMax * 1000)
  yield* Effect.addFinalizer(() => pane.update((section) => ({ ...section, open: false })))
  const line = (index: number, tone: Tone, note: string) =>
    pane.update((section) => setLine(section, index, { tone, note }))
  const show = ({ changes, gateway, naive, now }: Followed, tone: Tone) =>
    Effect.flatMap(now, (seconds) => {
      const route = changes.items.at(-1)?.to ?? nameOf(0)
      const show = (section: Section) =>
        setLine(
          setLine(section, lines.length - 2, { tone, note: `to ${route}, ${noteOf(gateway, seconds)}` }),
          lines.length - 1,
          { tone, note: noteOf(naive, seconds) }
        )
      return pane.update((section) => ({ ...show(section), elapsedMillis: seconds * 1000 }))
    })
  return {
    line,
    follow: (followed: Followed) =>
      Effect.repeat(show(followed, "in flight"), Schedule.fixed(frameInterval)).pipe(
        Effect.ensuring(show(followed, "good"))
      )
  }
})

const noteOf = ({ requests }: Side, nowSeconds: number): string => {
  const { failed, p99Seconds, unknown } = figuresOf(requests, nowSeconds)
  return `${requests.length} requests, ${failed} failed, ${unknown} unknown, p99 ${p99Seconds.toFixed(2)} s`
}

export const lookOf = (behaviour: Behaviour): readonly [Tone, string] => {
  switch (behaviour._tag) {
    case "Answering":
      return [
        behaviour.latencyMillis > Duration.toMillis(Numbers.threshold) ? "unknown" : "good",
        `answers after ${behaviour.latencyMillis} ms`
      ]
    case "Alternating":
      return ["unknown", `answers after ${behaviour.latenciesMillis.join(" or ")} ms in turn`]
    case "Failing":
      return ["bad", `answers ${behaviour.how}`]
    case "BlackHole":
      return ["bad", "reads, and never answers"]
    case "Dead":
      return ["bad", "dead"]
  }
}
