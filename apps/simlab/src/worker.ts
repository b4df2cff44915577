/** A thread that makes its share of the runs of a campaign. */
import * as NodeWorkerRunner from "@effect/platform-node/NodeWorkerRunner"
import type { Suite } from "@holdfast/sim"
import { Effect } from "effect"
import { WorkerRunnerPlatform } from "effect/workers/WorkerRunner"
import type { FromWorker, Share, ToWorker } from "./protocol.ts"
import { findSuites } from "./suites.ts"

/** How long a worker is deaf to a stop, and its progress unknown. */
const sliceMillis = 100

const advance = (campaign: Suite.Campaign): void => {
  const end = Date.now() + sliceMillis
  while (!campaign.isDone && Date.now() < end) campaign.advance()
}

const serve = Effect.gen(function* () {
  const platform = yield* WorkerRunnerPlatform
  const runner = yield* platform.start<FromWorker, ToWorker>()
  const suites = yield* Effect.promise(findSuites)
  let stopped = false
  const work = Effect.fnUntraced(function* ({ from, runs, seed, step, suite: name }: Share) {
    stopped = false
    const suite = suites.find((one) => one.name === name)
    if (suite === undefined) return yield* Effect.die(new Error(`there is no suite "${name}"`))
    const campaign = suite.campaign({ seed, runs, from, step })
    while (!campaign.isDone && !stopped) {
      advance(campaign)
      yield* runner.send(0, { _tag: "Progress", report: campaign.report() })
      // Lets a stop arrive.
      yield* Effect.sleep(0)
    }
    yield* runner.send(0, { _tag: "Done", report: campaign.report() })
  })
  yield* runner.run((_, message) => {
    if (message._tag === "Share") return work(message)
    stopped = true
  })
})

Effect.runFork(Effect.provide(serve, NodeWorkerRunner.layer))
