/**
 * What a scenario plays with: sets of three nodes that follow the same script, and before each of them the same workload:
 * through the gateway, and beside it through the naive client.
 */
import { Clock, Duration, Effect, Exit, Scope, Stream } from "effect"
import type { Live } from "../live/Live.ts"
import { type Journal, makeJournal } from "../relay/journal.ts"
import { Sequence } from "../relay/Sequence.ts"
import { lookOf, openBoard } from "./board.ts"
import type { Clients, Settings } from "./failoverRoute.ts"
import type { NodeSet, NodesGone } from "./Nodes.ts"
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
  /** What the gateway's nodes saw. */
  readonly gateway: SeenSet
}

export interface Scene {
  /** Since the clients began, and with them the first round of probes. */
  readonly now: Effect.Effect<number>
  readonly until: (seconds: number) => Effect.Effect<void>
  /** Lets a node of each set behave so. */
  readonly script: (node: number, behaviour: Behaviour) => Effect.Effect<void, NodesGone>
  readonly gateway: Side
  readonly naive: Side
  readonly changes: Sequence<ChangeAt>
  /** What the gateway logs. */
  readonly journal: Journal
  /** Another gateway, with other settings, and its changes. */
  readonly another: (settings: Settings) => Effect.Effect<Sequence<ChangeAt>>
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

export const open = (
  stage: Stage,
  title: string,
  options: Options = {}
): Effect.Effect<Scene, NodesGone, Live | Scope.Scope> =>
  Effect.gen(function* () {
    const [ofGateway, ofNaive, ofOther] = stage.sets
    const board = yield* openBoard(title)
    const script: Scene["script"] = (node, behaviour) =>
      Effect.andThen(
        Effect.forEach(stage.sets, (set) => set.behave(node, behaviour), { concurrency: "unbounded" }),
        board.line(node, ...lookOf(behaviour))
      )
    for (const [node, latencyMillis] of Numbers.latencies.entries()) {
      yield* script(node, options.script?.[node] ?? { _tag: "Answering", latencyMillis })
    }

    const clients = yield* Scope.fork(yield* Effect.scope)
    const now = secondsSince(yield* Clock.monotonicTimeNanos)
    const beginGateway = (set: NodeSet, settings: Settings = {}) =>
      Scope.provide(gatewaySide(stage, set, settings, now), clients)
    const { changes, journal, side: gateway } = yield* beginGateway(ofGateway, options.settings)
    const naive = yield* Scope.provide(beginSide(naiveRoute(clientsOf(stage, ofNaive)), now), clients)
    yield* board.follow({ now, gateway, naive, changes }).pipe(Effect.forkIn(clients))
    return {
      now,
      until: (seconds) =>
        Effect.flatMap(now, (so) => Effect.sleep(Duration.seconds(Math.max(seconds - so, 0)))),
      script,
      gateway,
      naive,
      changes,
      journal,
      another: (settings) => Effect.map(beginGateway(ofOther, settings), ({ changes }) => changes),
      urls: ofGateway.urls,
      seen: ofGateway.seen,
      finish: Effect.gen(function* () {
        const atSeconds = yield* now
        // What the naive client has begun could take half a minute more: it counts with the time that it has taken so far.
        yield* Effect.all([gateway.stop(Numbers.drain), naive.stop(Duration.zero)], { concurrency: 2 })
        yield* Scope.close(clients, Exit.void)
        return { atSeconds, gateway: yield* ofGateway.seenIdle }
      })
    }
  })

/** A gateway with its workload, and what it tells. */
const gatewaySide = (stage: Stage, set: NodeSet, settings: Settings, now: Effect.Effect<number>) =>
  Effect.gen(function* () {
    const changes = new Sequence<ChangeAt>()
    const journal = makeJournal()
    const made = yield* Effect.provide(stage.gateway(clientsOf(stage, set), settings), journal.layer)
    yield* made.changes.pipe(
      Stream.runForEach(({ from, reason, to }) =>
        Effect.map(now, (atSeconds) => {
          if (from !== undefined) changes.push({ from, to, reason, atSeconds })
        })
      ),
      Effect.forkScoped
    )
    return { changes, journal, side: yield* beginSide(made.route, now) }
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
