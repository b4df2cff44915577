/** Calls to many targets, beside `Effect.forEach` with the same concurrency. */
import { FanOut } from "@holdfast/core"
import { Array as Arr, Effect } from "effect"
import type { Bench, MemoryCase } from "../Bench.ts"
import type { Group } from "../harness.ts"

const targets = 10_000

type Call = (target: number) => Effect.Effect<number>

const asynchronous: Call = (target) => Effect.as(Effect.yieldNow, target)
const synchronous: Call = (target) => Effect.sync(() => target)

/** Whole batches, until there are so many calls. */
const inBatches =
  (batch: () => Effect.Effect<unknown>) =>
  async (calls: number): Promise<unknown> => {
    for (let made = 0; made < calls; made += targets) await Effect.runPromise(batch())
    return undefined
  }

const group = (name: string, title: string, call: Call, concurrency: number, target = 1.5): Group => {
  const all = Arr.range(1, targets)
  const peer = "Effect.forEach"
  return {
    name,
    title,
    peer,
    by: "total",
    multiple: targets,
    subjects: [
      { name: peer, run: inBatches(() => Effect.forEach(all, call, { concurrency })) },
      {
        name: "FanOut.run",
        run: inBatches(() => FanOut.run(all, call, { concurrency })),
        target
      },
      {
        name: "FanOut.run, with a deadline",
        run: inBatches(() => FanOut.run(all, call, { concurrency, deadline: "1 minute" })),
        target
      }
    ]
  }
}

const limitMiB = 400

const memory = (
  name: string,
  title: string,
  run: (targets: ReadonlyArray<number>) => Effect.Effect<unknown>,
  limit: Pick<MemoryCase, "limitMiB">
): MemoryCase => ({
  name,
  title,
  measure: "peak",
  unit: "targets, asynchronous calls",
  run: (size) => Effect.runPromise(run(Arr.range(1, size))),
  ...limit
})

const fanOut = (concurrency: number) => (all: ReadonlyArray<number>) =>
  FanOut.run(all, asynchronous, { concurrency, deadline: "1 minute" })

const forEach = (concurrency: number) => (all: ReadonlyArray<number>) =>
  Effect.forEach(all, asynchronous, { concurrency })

export const fanout: Bench = {
  name: "fanout",
  summary: "FanOut.run beside Effect.forEach",
  groups: [
    group("async-8", "10,000 targets, asynchronous calls, 8 at once", asynchronous, 8),
    group("async-64", "10,000 targets, asynchronous calls, 64 at once", asynchronous, 64),
    group("sync-8", "10,000 targets, synchronous calls, 8 at once", synchronous, 8),
    group("sync-64", "10,000 targets, synchronous calls, 64 at once", synchronous, 64)
  ],
  memory: [
    memory("none", "no batch, the targets alone", () => Effect.void, {}),
    memory("forEach-8", "Effect.forEach, 8 at once", forEach(8), {}),
    memory("forEach-unbounded", "Effect.forEach, all at once", forEach(Infinity), {}),
    memory("fanout-8", "FanOut.run, 8 at once", fanOut(8), { limitMiB }),
    memory("fanout-unbounded", "FanOut.run, all at once", fanOut(Infinity), { limitMiB })
  ]
}
