/**
 * What a scenario plays with: two sets of three nodes that follow the same script, and before each of them the same
 * workload: through the gateway, and beside it through the naive client.
 */
import { Clock, Duration, Effect, Exit, Schedule, Scope, Stream } from "effect"
import type { ChildProcessSpawner } from "effect/process"
import { at } from "../at.ts"
import { type Section, setLine, type Tone } from "../live/Board.ts"
import { Live } from "../live/Live.ts"
import { type Journal, makeJournal } from "../relay/journal.ts"
import { Sequence } from "../relay/Sequence.ts"
import type { Clients, Settings } from "./failoverRoute.ts"
import { figuresOf } from "./measure.ts"
import { type NodeSet, type NodesGone, nameOf, start } from "./Nodes.ts"
import { Numbers } from "./Numbers.ts"
import { naiveRoute } from "./naive.ts"
import type { Behaviour, SeenSet } from "./node/Wire.ts"
import { nodeClient } from "./nodeClient.ts"
import { type Request, type Route, recorded, secondsSince } from "./Route.ts"
import type { Stage } from "./Scenario.ts"
import { begin, type Workload } from "./workload.ts"

/** A change of the route, and when it was heard of. */
export interface ChangeAt {
  readonly from: string
  readonly to: string
  readonly reason: string
  readonly atSeconds: number
}

/** A client with its workload, and everything that was seen of it. */
export interface Side extends Workload {
  readonly requests: ReadonlyArray<Request>
}

export interface Ended {
  /** When the workloads ended. */
  readonly atSeconds: number
  readonly gateway: SeenSet
  readonly naive: SeenSet
}

export interface Scene {
  /** Since the clients began, and with them the first round of probes. */
  readonly now: Effect.Effect<number>
  readonly until: (seconds: number) => Effect.Effect<void, NodesGone>
  /** Lets a node of each set behave so. */
  readonly script: (node: number, behaviour: Behaviour) => Effect.Effect<void, NodesGone>
  readonly gateway: Side
  readonly naive: Side
  readonly changes: Sequence<ChangeAt>
  /** What the gateway logs. */
  readonly journal: Journal
  /** Of the gateway's nodes. */
  readonly urls: ReadonlyArray<string>
  /** What the gateway's nodes have seen so far. */
  readonly seen: Effect.Effect<SeenSet, NodesGone>
  /** Ends the workloads, closes the clients, and tells what the nodes saw. */
  readonly finish: Effect.Effect<Ended, NodesGone>
}

interface Options {
  readonly settings?: Settings
  /** How the nodes are at first. */
  readonly script?: ReadonlyArray<Behaviour>
}

/** No scenario takes longer. */
export const secondsMax = 45

export const open = (
  stage: Stage,
  title: string,
  options: Options = {}
): Effect.Effect<Scene, NodesGone, Live | Scope.Scope | ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.gen(function* () {
    const board = yield* openBoard(title)
    const nodes = yield* start(stage.http, [Numbers.latencies, Numbers.latencies])
    stage.started(nodes.pid)
    yield* (yield* Live).say(`${title}; nodes in process ${nodes.pid}, what they see: ${nodes.seenUrl}`)
    const ofGateway = at(nodes.sets, 0)
    const ofNaive = at(nodes.sets, 1)
    const script: Scene["script"] = (node, behaviour) =>
      Effect.andThen(
        Effect.all([ofGateway.behave(node, behaviour), ofNaive.behave(node, behaviour)], { concurrency: 2 }),
        board.line(node, ...lookOf(behaviour))
      )
    for (const [node, latencyMillis] of Numbers.latencies.entries()) {
      yield* script(node, options.script?.[node] ?? { _tag: "Answering", latencyMillis })
    }

    const clients = yield* Scope.fork(yield* Effect.scope)
    const now = secondsSince(yield* Clock.monotonicTimeNanos)
    const changes = new Sequence<ChangeAt>()
    const journal = makeJournal()
    const made = yield* stage
      .gateway(clientsOf(stage, ofGateway), options.settings ?? {})
      .pipe(Scope.provide(clients), Effect.provide(journal.layer))
    yield* made.changes.pipe(
      Stream.runForEach(({ from, reason, to }) =>
        Effect.map(now, (atSeconds) => {
          if (from !== undefined) changes.push({ from, to, reason, atSeconds })
        })
      ),
      Effect.forkIn(clients)
    )
    const gateway = yield* Scope.provide(beginSide(made.route, now), clients)
    const naive = yield* Scope.provide(beginSide(naiveRoute(clientsOf(stage, ofNaive)), now), clients)
    yield* board.follow({ now, gateway, naive, changes }).pipe(Effect.forkIn(clients))
    return {
      now,
      until: (seconds) =>
        Effect.flatMap(now, (so) => Effect.sleep(Duration.seconds(Math.max(seconds - so, 0)))).pipe(
          Effect.raceFirst(nodes.died)
        ),
      script,
      gateway,
      naive,
      changes,
      journal,
      urls: ofGateway.urls,
      seen: ofGateway.seen,
      finish: Effect.gen(function* () {
        const atSeconds = yield* now
        // What the naive client has begun could take half a minute more: it counts with the time that it has taken so far.
        yield* Effect.all([gateway.stop(Numbers.drain), naive.stop(Duration.zero)], { concurrency: 2 })
        yield* Scope.close(clients, Exit.void)
        return { atSeconds, gateway: yield* ofGateway.seenIdle, naive: yield* ofNaive.seenIdle }
      }).pipe(Effect.raceFirst(nodes.died))
    }
  })

const clientsOf = ({ http }: Stage, { urls }: NodeSet): Clients => {
  const [primary, ...fallbacks] = urls.map((url) => nodeClient(http, url))
  if (primary === undefined) throw new RangeError("no node")
  return [primary, ...fallbacks]
}

const beginSide = (route: Route, now: Effect.Effect<number>): Effect.Effect<Side, never, Scope.Scope> =>
  Effect.suspend(() => {
    const requests: Array<Request> = []
    return Effect.map(begin(recorded(route, requests, now)), (workload) => ({ ...workload, requests }))
  })

// ----------------------------------------------------------------------------
// The board
// ----------------------------------------------------------------------------

const lines = [...Numbers.latencies.map((_, node) => `node ${nameOf(node)}`), "gateway", "naive client"]

const frameInterval = Duration.millis(500)

type Followed = Pick<Scene, "now" | "gateway" | "naive" | "changes">

const openBoard = Effect.fnUntraced(function* (title: string) {
  const pane = yield* (yield* Live).open(title, lines, secondsMax * 1000)
  yield* Effect.addFinalizer(() => pane.update((section) => ({ ...section, open: false })))
  const line = (index: number, tone: Tone, note: string) =>
    pane.update((section) => setLine(section, index, { tone, note }))
  const show = ({ changes, gateway, naive, now }: Followed) =>
    Effect.flatMap(now, (seconds) => {
      const route = changes.items.at(-1)?.to ?? nameOf(0)
      const show = (section: Section) =>
        setLine(
          setLine(section, lines.length - 2, lookOfSide(gateway, seconds, `to ${route}, `)),
          lines.length - 1,
          lookOfSide(naive, seconds, "")
        )
      return pane.update((section) => ({ ...show(section), elapsedMillis: seconds * 1000 }))
    })
  return {
    line,
    follow: (followed: Followed) => Effect.repeat(show(followed), Schedule.fixed(frameInterval))
  }
})

/** They never settle: in a log they would be told each time. */
const lookOfSide = ({ requests }: Side, nowSeconds: number, prefix: string) => {
  const { failed, p99Seconds, unknown } = figuresOf(requests, nowSeconds)
  const note = `${prefix}${requests.length} requests, ${failed} failed, ${unknown} unknown, p99 ${p99Seconds.toFixed(2)} s`
  return { tone: "in flight", note } as const
}

const lookOf = (behaviour: Behaviour): readonly [Tone, string] => {
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
