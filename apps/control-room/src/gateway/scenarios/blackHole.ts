/** The primary reads and never answers, and of the transactions that it reads it applies every second one. */
import { Effect } from "effect"
import { bySecond, exactly, type Promised } from "../../Promised.ts"
import { begunIn, durationOf, figuresOf, longest } from "../measure.ts"
import { nameOf } from "../Nodes.ts"
import { Numbers, seconds } from "../Numbers.ts"
import { askedOf, books, busySeconds, served, wordsOf } from "../rows.ts"
import type { Scenario } from "../Scenario.ts"
import { type Ended, open, type Scene, type Side } from "../Scene.ts"

/** One second before a round of probes, which are two seconds apart. */
const scriptSeconds = { hole: 3, end: 12 }

/** For so long after that, what the naive client begins has the time to get over the black hole. */
const naiveSeconds = 5

const leftMax = 1 + seconds(Numbers.threshold)

const deadMax = 1 + seconds(Numbers.probeTimeout)

export const blackHole: Scenario = {
  id: "black-hole",
  run: Effect.fnUntraced(function* (stage) {
    // Rounds at 0, 2, 4 … s, so that it is known when the next one is.
    const scene = yield* open(stage, "black hole: the primary reads, and never answers", {
      settings: { jitter: "none" }
    })
    yield* scene.until(scriptSeconds.hole)
    yield* scene.script(0, { _tag: "BlackHole" })
    const holeSeconds = yield* scene.now
    // Whatever had begun there has ended.
    yield* scene.until(scriptSeconds.hole + deadMax + seconds(Numbers.attemptTimeout) + 1)
    const before = yield* scene.seen
    yield* scene.until(scriptSeconds.end)
    const ended = yield* scene.finish

    return [
      ...inFlight(scene, holeSeconds),
      ...submissions(scene, ended),
      ...afterwards(scene, holeSeconds, ended, askedOf(ended.gateway, 0, before.nodes[0]?.requests.length))
    ]
  })
}

/** When the route had left it. */
const shiftOf = ({ changes }: Scene): number =>
  changes.items.find(({ atSeconds }) => atSeconds > scriptSeconds.hole)?.atSeconds ?? Infinity

const inFlight = (scene: Scene, holeSeconds: number): ReadonlyArray<Promised> => {
  const shiftSeconds = shiftOf(scene)
  const reads = begunIn(scene.gateway.requests, holeSeconds, shiftSeconds).filter(
    ({ kind }) => kind === "ask"
  )
  return [
    bySecond({
      id: "black-hole/left",
      text: "A primary reads and never answers: the route leaves it when the next probe, a second later, is slow",
      bound: leftMax,
      measured: shiftSeconds - holeSeconds
    }),
    exactly({
      id: "black-hole/route",
      text: "… for the fastest node, and that is the only change",
      bound: wordsOf({ from: nameOf(0), to: nameOf(2), reason: "Slow", atSeconds: 0 }),
      measured: scene.changes.items.map(wordsOf).join(", "),
      unit: ""
    }),
    bySecond({
      id: "black-hole/reads",
      text: `… and when that has failed, the ${reads.length} reads that had begun are cut off and go on elsewhere: the slowest took`,
      bound: deadMax,
      measured: longest(reads.map((read) => durationOf(read))),
      tolerance: busySeconds
    }),
    exactly({
      id: "black-hole/read",
      text: "… and of them there failed",
      bound: 0,
      measured: reads.filter(({ outcome }) => outcome !== "good").length,
      unit: "reads"
    })
  ]
}

const submissions = ({ gateway }: Scene, ended: Ended): ReadonlyArray<Promised> => {
  const { found, open: unsettled, sentAgain } = gateway.settled
  return [
    exactly({
      id: "black-hole/unknown",
      text: "Submissions in flight there are unknown, one of each account; the ledger had / had not applied",
      bound: `${Numbers.accounts.length}: ${Numbers.accounts.length / 2} / ${Numbers.accounts.length / 2}`,
      measured: `${figuresOf(gateway.requests, ended.atSeconds).unknown}: ${found} / ${sentAgain}`,
      unit: ""
    }),
    exactly({
      id: "black-hole/settled",
      text: "… and of none it is unknown in the end",
      bound: 0,
      measured: unsettled,
      unit: ""
    }),
    books("black-hole", gateway, ended.gateway)
  ]
}

const afterwards = (
  scene: Scene,
  holeSeconds: number,
  ended: Ended,
  asked: number
): ReadonlyArray<Promised> => {
  const { gateway, naive } = scene
  const shiftSeconds = shiftOf(scene)
  return [
    served({
      id: "black-hole/after",
      text: "What begins after the shift waits for nobody",
      figures: figuresOf(begunIn(gateway.requests, shiftSeconds), ended.atSeconds),
      failedMax: 0,
      p50: ["≤", seconds(Numbers.threshold)],
      p99: ["≤", busySeconds]
    }),
    exactly({
      id: "black-hole/asked",
      text: "… and the black hole is asked for nothing but probes, as it counts them",
      bound: 0,
      measured: asked,
      unit: "requests"
    }),
    served({
      id: "black-hole/naive",
      text: `The naive client, of what begins in the first ${naiveSeconds} s`,
      figures: figuresOf(begunIn(naive.requests, holeSeconds, holeSeconds + naiveSeconds), ended.atSeconds),
      p50: ["≥", seconds(Numbers.attemptTimeout)],
      p99: ["≥", seconds(Numbers.attemptTimeout)]
    }),
    exactly({
      id: "black-hole/payments",
      text: `Payments that were made in the end, of all; with the naive client ${made(naive)} of ${naive.payments.length}`,
      bound: `${gateway.payments.length} of ${gateway.payments.length}`,
      measured: `${made(gateway)} of ${gateway.payments.length}`,
      unit: ""
    })
  ]
}

const made = ({ payments }: Side): number => payments.filter(({ outcome }) => outcome === "made").length
