/** The other policy: a provider that is to end when its node is lost. */
import { Deferred, Effect, Fiber } from "effect"
import { bySecond, exactly } from "../../Promised.ts"
import { textsOf } from "../journal.ts"
import { inSeconds } from "../measure.ts"
import type { Scenario } from "../Scenario.ts"
import { type Observed, open } from "../Scene.ts"
import * as wait from "../waits.ts"

/** How long a provider may take to end. */
const exitSeconds = 30

export const exit: Scenario = {
  id: "exit",
  alone: false,
  run: Effect.fnUntraced(function* (stage) {
    const scene = yield* open(stage, "exit: a provider that ends with its node", [
      "node",
      "provider",
      "pool 1"
    ])
    const node = yield* scene.node()
    const begun = yield* Deferred.make<Observed>()
    // As the main program of a provider would be.
    const main = yield* scene.provider({ onLoss: "exit" }).pipe(
      Effect.tap((provider) => Deferred.succeed(begun, provider)),
      Effect.flatMap(({ ended }) => ended),
      Effect.scoped,
      Effect.forkScoped
    )
    const provider = yield* Effect.raceFirst(
      Deferred.await(begun),
      Effect.andThen(Fiber.join(main), Effect.never)
    )
    const pool = yield* scene.pool("pool 1", provider)
    yield* wait.fresh(pool, 0)
    const killMillis = yield* node.kill
    yield* scene.line("node", "bad", "killed")
    yield* Fiber.join(main)
    const endMillis = Date.now()
    yield* scene.line("provider", "bad", "ended")
    return [
      bySecond({
        id: "exit/ended",
        text: "A provider with the policy to exit ends after the loss of its node",
        bound: exitSeconds,
        measured: inSeconds(killMillis, endMillis)
      }),
      exactly({
        id: "exit/log",
        text: "… says so, and what it drops",
        bound: "disconnected; ending, dropped 1 template of generation 1, disconnected for good; ended",
        measured: textsOf(provider.journal, /^disconnected|^dropped|restart/).join(", "),
        unit: ""
      }),
      exactly({
        id: "exit/pools",
        text: "… and holds no pool any more",
        bound: 0,
        measured: provider.pools.open,
        unit: "pools"
      })
    ]
  })
}
