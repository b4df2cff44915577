/** What a scenario plays with: nodes, a provider and pools, each with a line on the board. */
import { Effect, Scope, Stream, SubscriptionRef } from "effect"
import type { ChildProcessSpawner } from "effect/process"
import type { SocketServer } from "effect/socket"
import { setLine, type Tone } from "../live/Board.ts"
import { Live } from "../live/Live.ts"
import { type Journal, makeJournal } from "./journal.ts"
import type { StatusAt } from "./measure.ts"
import { type Node, type NodeGone, start } from "./Node.ts"
import type { Plan } from "./node/Wire.ts"
import * as pools from "./pool/Pool.ts"
import type { Options, Provider } from "./provider/Provider.ts"
import type { Stage } from "./Scenario.ts"
import { Sequence } from "./Sequence.ts"

/** A provider with everything that it said. */
export interface Observed extends Provider {
  readonly statuses: Sequence<StatusAt>
  readonly journal: Journal
}

export interface Scene {
  /** A node that listens where the provider looks for it. It outlives what is made after the scene. */
  readonly node: (
    plan?: Partial<Plan>
  ) => Effect.Effect<Node, NodeGone, ChildProcessSpawner.ChildProcessSpawner>
  /** Changes the line with this name. */
  readonly line: (name: string, tone: Tone, note: string) => Effect.Effect<void>
  readonly provider: (
    options?: Omit<Options, "path">
  ) => Effect.Effect<Observed, SocketServer.SocketServerError, Scope.Scope>
  /** A pool that is connected: the provider has accepted it. */
  readonly pool: (name: string, provider: Provider) => Effect.Effect<pools.Pool, never, Scope.Scope>
}

/** A node, and a provider with pools, each of which has its first template. */
export const play = Effect.fnUntraced(function* (
  stage: Stage,
  title: string,
  options: { readonly pools: ReadonlyArray<string>; readonly provider?: Omit<Options, "path"> }
) {
  const scene = yield* open(stage, title, ["node", "provider", ...options.pools])
  const node = yield* scene.node()
  const provider = yield* scene.provider(options.provider)
  const joined = yield* Effect.forEach(options.pools, (name) => scene.pool(name, provider))
  yield* Effect.forEach(joined, ({ received }) => received.first(() => true))
  return { scene, node, provider, pools: joined }
})

/** No scenario takes longer. */
export const secondsMax = 20

export const open = Effect.fnUntraced(function* (
  stage: Stage,
  title: string,
  names: ReadonlyArray<string>
): Effect.fn.Return<Scene, never, Live | Scope.Scope> {
  const pane = yield* (yield* Live).open(title, names, secondsMax * 1000)
  const line = (name: string, tone: Tone, note: string) =>
    pane.update((section) => setLine(section, names.indexOf(name), { tone, note }))
  yield* Effect.addFinalizer(() => pane.update((section) => ({ ...section, open: false })))
  // Otherwise the last node would be gone before the provider, which would see one loss more.
  const nodes = yield* Scope.fork(yield* Effect.scope)
  yield* Effect.sleep("1 second").pipe(
    Effect.andThen(pane.update((section) => ({ ...section, elapsedMillis: section.elapsedMillis + 1000 }))),
    Effect.forever,
    Effect.forkScoped
  )
  return {
    line,
    node: (plan) =>
      start({ path: stage.path, ...plan }).pipe(
        Scope.provide(nodes),
        // One that waits to be told to listen is not the present one yet.
        Effect.tap((node) =>
          plan?.listens === "when told" ? Effect.void : line("node", "good", `process ${node.pid}`)
        )
      ),
    provider: (options) =>
      Effect.tap(observe(stage, options), ({ node }) =>
        Effect.forkScoped(
          Stream.runForEach(SubscriptionRef.changes(node.status), (status) => {
            const look = lookOf(status)
            return look === undefined ? Effect.void : line("provider", ...look)
          })
        )
      ),
    pool: (name, provider) =>
      Effect.tap(pools.join(name, provider.port), (pool) =>
        Effect.forkScoped(followed(pool, (note) => line(name, "good", note)))
      )
  }
})

const observe = Effect.fnUntraced(function* (stage: Stage, options: Omit<Options, "path"> | undefined) {
  const journal = makeJournal()
  const provider = yield* Effect.provide(stage.serve({ ...options, path: stage.path }), journal.layer)
  const statuses = new Sequence<StatusAt>()
  yield* Effect.forkScoped(
    Stream.runForEach(SubscriptionRef.changes(provider.node.status), (status) =>
      Effect.sync(() => statuses.push({ status, atMillis: Date.now() }))
    ),
    { startImmediately: true }
  )
  return { ...provider, ended: Effect.provide(provider.ended, journal.layer), statuses, journal }
})

/** Nothing when it is closed in the end, as everything is. */
const lookOf = (status: StatusAt["status"]): readonly [Tone, string] | undefined => {
  switch (status._tag) {
    case "Connected":
      return ["good", `connected (generation ${status.generation})`]
    case "Connecting":
      return ["in flight", `attempt ${status.attempt}`]
    case "Lost":
      return ["in flight", "disconnected"]
    case "Closed":
      return status.gaveUp === undefined ? undefined : ["bad", status.gaveUp.message]
  }
}

/** Shows each template as it comes. */
const followed = (
  pool: pools.Pool,
  show: (note: string) => Effect.Effect<void>,
  from = 0
): Effect.Effect<never> =>
  Effect.flatMap(
    pool.received.until((items) => (items.length > from ? items.length : undefined)),
    (count) => {
      const last = pool.received.items[count - 1]
      const note = `template ${last?.id}, height ${last?.height}, port ${pool.ports.items.join()}`
      return Effect.andThen(show(note), followed(pool, show, count))
    }
  )
