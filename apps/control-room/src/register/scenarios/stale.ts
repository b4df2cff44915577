/** A process that has the lock of proper-lockfile is killed: when does the next one have it? */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { figure } from "../../Promised.ts"
import { openBoard } from "../board.ts"
import { Numbers } from "../Numbers.ts"
import { isTold, start } from "../Process.ts"
import type { PeerPlan } from "../peer/Wire.ts"
import type { Scenario } from "../Scenario.ts"

const program = fileURLToPath(new URL("../peer/main.ts", import.meta.url))

const secondsMax = 50

export const stale: Scenario = {
  id: "stale",
  waits: true,
  secondsMax,
  run: Effect.fnUntraced(function* (stage) {
    const { line } = yield* openBoard(
      "stale: the lock of proper-lockfile outlives its holder",
      ["next one"],
      secondsMax
    )
    const process = (name: "holder" | "next one", job: PeerPlan["job"]) =>
      start({
        entryPoint: program,
        plan: { directory: join(stage.directory, "lock"), name, job } satisfies PeerPlan,
        cache: stage.cache
      })
    const [holder, next] = yield* Effect.all([process("holder", "hold"), process("next one", "wait")], {
      concurrency: "unbounded"
    })
    yield* holder.tell({ tag: "go" })
    yield* holder.first(isTold("won"))
    yield* next.tell({ tag: "go" })
    const killedMillis = yield* holder.kill
    yield* line(0, "in flight", `waits for ${Numbers.staleMillis / 1000} s`)
    const won = yield* next.first(isTold("won"))
    const seconds = (won.at - killedMillis) / 1000
    yield* line(0, "unknown", `has the lock after ${seconds.toFixed(2)} s`)
    return [
      figure({
        id: "stale/takeover",
        text: "proper-lockfile: from the kill of whoever has the lock until the next one has it",
        measured: seconds,
        unit: "s"
      })
    ]
  })
}
