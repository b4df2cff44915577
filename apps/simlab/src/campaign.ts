/** Runs campaigns on worker threads. */
import { Worker as Thread } from "node:worker_threads"
import * as NodeWorker from "@effect/platform-node/NodeWorker"
import { Report, type Suite } from "@holdfast/sim"
import { Deferred, type Duration, Effect, Latch, Layer } from "effect"
import { layerSpawner, type Worker, WorkerPlatform } from "effect/workers/Worker"
import type { FromWorker, Share, ToWorker } from "./protocol.ts"

const spawn = (): Thread =>
  new Thread(new URL("./worker.ts", import.meta.url), {
    execArgv: ["--import", new URL("./preload.ts", import.meta.url).href]
  })

export const WorkersLive = Layer.merge(NodeWorker.layerPlatform, layerSpawner(spawn))

export interface Settings {
  readonly seed: number
  readonly runs: number
  readonly workers: number
  /** Which part of the campaign this machine makes: `index` of `count`, counted from 0. */
  readonly shard: { readonly index: number; readonly count: number }
}

/** A thread, and what it has said about the share that it works on. */
interface Hand {
  readonly send: (message: ToWorker) => Effect.Effect<void>
  /** Begins a share; ends when the thread has said its last word on it. */
  readonly work: (
    share: Share,
    onProgress: (report: Report.Report) => Effect.Effect<void>
  ) => Effect.Effect<Report.Report>
}

const hire = Effect.fnUntraced(function* (worker: Worker<FromWorker, ToWorker>) {
  let listen: (message: FromWorker) => Effect.Effect<void> = () => Effect.void
  const ready = yield* Latch.make()
  yield* Effect.forkScoped(
    Effect.orDie(worker.run((message) => listen(message), { onSpawn: Effect.asVoid(ready.open) }))
  )
  yield* ready.await
  const send = (message: ToWorker) => Effect.orDie(worker.send(message))
  const hand: Hand = {
    send,
    work: Effect.fnUntraced(function* (share, onProgress) {
      const done = yield* Deferred.make<Report.Report>()
      listen = (message) =>
        message._tag === "Done"
          ? Effect.asVoid(Deferred.succeed(done, message.report))
          : onProgress(message.report)
      yield* send(share)
      return yield* Deferred.await(done)
    })
  }
  return hand
})

/** Threads for as long as the scope is open. */
export const hireAll = Effect.fnUntraced(function* (count: number) {
  const platform = yield* WorkerPlatform
  return yield* Effect.forEach(
    Array.from({ length: count }, (_, id) => id),
    (id) => Effect.flatMap(platform.spawn<FromWorker, ToWorker>(id), hire),
    { concurrency: "unbounded" }
  )
})

const sum = (suite: Suite.Suite, parts: Iterable<Report.Report>): Report.Report =>
  Array.from(parts).reduce(Report.add, Report.empty(suite.name, suite.guarantees))

/** One suite's campaign on all threads. A failure, or the end of its time, ends it on all of them. */
export const runCampaign = Effect.fnUntraced(function* (
  suite: Suite.Suite,
  settings: Settings,
  hands: ReadonlyArray<Hand>,
  timeLeft: Duration.Duration,
  onProgress: (report: Report.Report) => Effect.Effect<void>
) {
  const parts = new Map<number, Report.Report>()
  const stopAll = Effect.forEach(hands, (hand) => hand.send({ _tag: "Stop" }), { discard: true })
  const step = settings.shard.count * hands.length
  const note = (index: number) => (report: Report.Report) =>
    Effect.suspend(() => {
      parts.set(index, report)
      const soFar = sum(suite, parts.values())
      return Effect.andThen(soFar.failures.length > 0 ? stopAll : Effect.void, onProgress(soFar))
    })
  const shares = Effect.forEach(
    hands,
    (hand, index) => {
      const from = settings.shard.index + settings.shard.count * index
      const share = {
        _tag: "Share",
        suite: suite.name,
        seed: settings.seed,
        runs: settings.runs,
        from,
        step
      } as const
      return Effect.flatMap(hand.work(share, note(index)), note(index))
    },
    { concurrency: "unbounded", discard: true }
  )
  yield* Effect.scoped(Effect.andThen(Effect.forkScoped(Effect.delay(stopAll, timeLeft)), shares))
  return sum(suite, parts.values())
})
