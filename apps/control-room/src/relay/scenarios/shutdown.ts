/** The provider ends while the long-polls of two pools are in flight, and while its node is stopped. */
import { Effect, Exit, Scope } from "effect"
import { bySecond, exactly } from "../../Promised.ts"
import { noMoreDescriptors, openDescriptors, settledDescriptors } from "../descriptors.ts"
import { textsOf } from "../journal.ts"
import { inSeconds } from "../measure.ts"
import type { Node } from "../Node.ts"
import { Numbers, seconds } from "../Numbers.ts"
import type { Scenario, Stage } from "../Scenario.ts"
import { open, type Scene } from "../Scene.ts"
import * as wait from "../waits.ts"

const names = ["pool 1", "pool 2"]

export const shutdown: Scenario = {
  id: "shutdown",
  alone: true,
  run: Effect.fnUntraced(function* (stage) {
    return [...(yield* inFlight(stage)), ...(yield* stopped({ ...stage, path: `${stage.path}.2` }))]
  })
}

/** A provider with two pools, whose long-polls wait. Provider and pools end each with a scope of their own. */
const waiting = Effect.fnUntraced(function* (scene: Scene, node: Node) {
  yield* scene.line("node", "good", `process ${node.pid}`)
  const scope = yield* Scope.make()
  const poolScope = yield* Scope.make()
  const provider = yield* Scope.provide(scene.provider(), scope)
  const pools = yield* Effect.forEach(names, (name) => Scope.provide(scene.pool(name, provider), poolScope))
  yield* Effect.forEach(pools, (pool) => wait.fresh(pool, 0))
  // Each has its first template by now: a third and a fourth call wait for the next.
  yield* node.seen.until((seen) =>
    seen.filter(({ call, what }) => what === "called" && call === "WaitNext").length >= 4 ? true : undefined
  )
  return { provider, close: Scope.close(scope, Exit.void), leave: Scope.close(poolScope, Exit.void) }
})

const inFlight = Effect.fnUntraced(function* (stage: Stage) {
  const scene = yield* open(stage, "shutdown: with two long-polls in flight", ["node", "provider", ...names])
  const node = yield* scene.node()
  const before = openDescriptors()
  const { close, leave, provider } = yield* waiting(scene, node)
  const seenBefore = node.seen.items.length
  const closeMillis = Date.now()
  yield* close
  const closedMillis = Date.now()
  yield* node.seen.first(({ what }) => what === "closed")
  yield* leave
  const after = yield* settledDescriptors(before)
  return [
    bySecond({
      id: "shutdown/at-once",
      text: "With two long-polls in flight, the provider ends at once",
      bound: 0,
      measured: inSeconds(closeMillis, closedMillis),
      tolerance: 0.3
    }),
    exactly({
      id: "shutdown/order",
      text: "… in order: the node sees each call interrupted once, then the goodbye, and then the end of the connection",
      bound: "interrupted WaitNext, interrupted WaitNext, called Goodbye, answered Goodbye, closed",
      measured: node.seen.items
        .slice(seenBefore)
        .filter(({ call }) => call !== "Ping")
        .map(({ call, what }) => `${what} ${call}`.trim())
        .join(", "),
      unit: ""
    }),
    exactly({
      id: "shutdown/silent",
      text: "… without a warning of any kind, as nothing was lost",
      bound: 0,
      measured: warnings(provider.journal.entries.items),
      unit: "warnings"
    }),
    noMoreDescriptors({
      id: "shutdown/descriptors",
      text: "… and the file descriptors are those from before it began",
      before,
      after
    })
  ]
})

const warnings = (entries: ReadonlyArray<{ readonly level: string }>): number =>
  entries.filter(({ level }) => level === "Warn" || level === "Error").length

/** The node takes no notice of the goodbye. */
const stopped = Effect.fnUntraced(function* (stage: Stage) {
  const scene = yield* open(stage, "shutdown: with a node that is stopped", ["node", "provider", ...names])
  const node = yield* scene.node()
  const { close, leave, provider } = yield* waiting(scene, node)
  yield* node.stop
  const closeMillis = Date.now()
  yield* close
  const closedMillis = Date.now()
  yield* leave
  return [
    bySecond({
      id: "shutdown/stopped",
      text: "A node that is stopped does not hold it up for longer than a goodbye may take",
      bound: seconds(Numbers.goodbyeTimeout),
      measured: inSeconds(closeMillis, closedMillis),
      tolerance: 0.3
    }),
    exactly({
      id: "shutdown/warned",
      text: "… of which it warns",
      bound: 1,
      measured: textsOf(provider.journal, /goodbye/).length,
      unit: "warnings"
    })
  ]
})
