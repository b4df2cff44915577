/** All nodes die, and one comes back. */
import { Cause, Effect } from "effect"
import { HttpClientError } from "effect/http"
import { at } from "../../at.ts"
import { bySecond, exactly, type Promised } from "../../Promised.ts"
import { begunIn, durationOf, figuresOf, longest } from "../measure.ts"
import { nameOf } from "../Nodes.ts"
import { Numbers, seconds } from "../Numbers.ts"
import type { Request } from "../Route.ts"
import { books, busySeconds, figuresBetween, served } from "../rows.ts"
import type { Scenario } from "../Scenario.ts"
import { type Ended, open, type Scene } from "../Scene.ts"

const scriptSeconds = { busy: 2, dead: 3, revived: 6, end: 11 }

/** So that there are submissions in flight when they die; still healthy. */
const busyMillis = 400

export const dead: Scenario = {
  id: "dead",
  run: Effect.fnUntraced(function* (stage) {
    const scene = yield* open(stage, "dead: all nodes die, and one comes back")
    yield* scene.until(scriptSeconds.busy)
    yield* scene.script(0, { _tag: "Answering", latencyMillis: busyMillis })
    yield* scene.until(scriptSeconds.dead)
    yield* Effect.forEach(Numbers.latencies, (_, node) => scene.script(node, { _tag: "Dead" }), {
      concurrency: "unbounded"
    })
    const deadSeconds = yield* scene.now
    yield* scene.until(scriptSeconds.revived)
    // One that the route does not happen to be at.
    const survivor = scene.changes.items.at(-1)?.to === nameOf(1) ? 2 : 1
    const revivingSeconds = yield* scene.now
    yield* scene.script(survivor, { _tag: "Answering", latencyMillis: at(Numbers.latencies, survivor) })
    const revivedSeconds = yield* scene.now
    yield* scene.until(scriptSeconds.end)
    const ended = yield* scene.finish
    return [
      ...whileDead(scene, deadSeconds, revivingSeconds),
      ...revived(scene, nameOf(survivor), revivingSeconds, revivedSeconds, ended)
    ]
  })
}

const whileDead = (
  { gateway, urls }: Scene,
  deadSeconds: number,
  revivingSeconds: number
): ReadonlyArray<Promised> => {
  const meanwhile = begunIn(gateway.requests, deadSeconds, revivingSeconds - marginSeconds)
  return [
    exactly({
      id: "dead/causes",
      text: `All nodes are dead: requests that fail with the refusals of all ${urls.length}, of all requests`,
      bound: `${meanwhile.length} of ${meanwhile.length}`,
      measured: `${meanwhile.filter((request) => hasEveryRefusal(request, urls)).length} of ${meanwhile.length}`,
      unit: ""
    }),
    bySecond({
      id: "dead/at-once",
      text: "… at once, as a refusal is an answer",
      bound: 0,
      measured: longest(meanwhile.map((request) => durationOf(request))),
      tolerance: busySeconds
    })
  ]
}

const revived = (
  { changes, gateway, naive }: Scene,
  survivor: string,
  revivingSeconds: number,
  revivedSeconds: number,
  ended: Ended
): ReadonlyArray<Promised> => {
  const { found, sentAgain } = gateway.settled
  const { unknown } = figuresOf(gateway.requests, ended.atSeconds)
  const first = gateway.requests.find(
    ({ endSeconds, outcome }) => outcome === "good" && (endSeconds ?? 0) > revivingSeconds
  )
  const since = changes.items.filter(({ atSeconds }) => atSeconds > revivingSeconds)
  const routeSeconds = since[0]?.atSeconds ?? Infinity
  return [
    bySecond({
      id: "dead/served",
      text: "One comes back: requests are answered again with the next round of probes at the latest",
      bound: seconds(Numbers.interval),
      measured: (first?.endSeconds ?? Infinity) - revivedSeconds
    }),
    bySecond({
      id: "dead/route",
      text: "… which moves the route to it",
      bound: seconds(Numbers.interval),
      measured: routeSeconds - revivedSeconds
    }),
    {
      id: "dead/change",
      text: "… as the one before is dead, and that is the only change",
      // Which of both depends on how many calls have failed there since its last probe.
      bound: `${survivor} (Failed or Ejected)`,
      measured: since.map(({ reason, to }) => `${to} (${reason})`).join(", "),
      unit: "",
      ok: since.length === 1 && since[0]?.to === survivor && /^(Failed|Ejected)$/.test(since[0].reason)
    },
    exactly({
      id: "dead/settled",
      text: "What was in flight when they died is unknown, until it is found on the ledger or sent again: of all submissions",
      bound: `${unknown} of ${unknown}`,
      measured: `${found + sentAgain} of ${unknown}`,
      unit: ""
    }),
    books("dead", gateway, ended.gateway),
    served({
      id: "dead/after",
      text: "What begins once the route has moved",
      figures: figuresBetween(gateway, routeSeconds, ended),
      failedMax: 0,
      p50: ["≤", seconds(Numbers.threshold)],
      p99: ["≤", busySeconds]
    }),
    served({ id: "dead/all", text: "All that the gateway did", figures: figuresBetween(gateway, 0, ended) }),
    served({ id: "dead/naive", text: "… and the naive client", figures: figuresBetween(naive, 0, ended) })
  ]
}

/** What begins so shortly before the revival may still see it. */
const marginSeconds = 0.3

/** Each node's own cause: the refusal of its own port. */
const hasEveryRefusal = ({ error }: Request, urls: ReadonlyArray<string>): boolean =>
  error?._tag === "AllEndpointsFailed" &&
  urls.every((url, node) => {
    const cause = error.failures.find(({ endpoint }) => endpoint === nameOf(node))?.cause
    const failure = cause === undefined ? undefined : Cause.squash(cause)
    return (
      HttpClientError.isHttpClientError(failure) && String(failure.reason.cause).endsWith(new URL(url).host)
    )
  })
