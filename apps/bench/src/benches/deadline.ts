/** What a deadline adds to a call, and what Effect's own time-out adds. */
import { Deadline } from "@holdfast/core"
import { Effect } from "effect"
import type { Bench } from "../Bench.ts"
import type { Group } from "../harness.ts"
import { inFibers, inOneFiber } from "../loops.ts"

const settled = Promise.resolve()

/** What a client library with callbacks or promises does, without the network. */
const callback = Effect.callback<void>((resume) => {
  settled.then(() => resume(Effect.void))
})

const synchronous = Effect.sync(() => 1)

const half = 0.5
const concurrent = 1_000

type Loop = typeof inOneFiber

const group = (
  name: string,
  title: string,
  work: Effect.Effect<unknown>,
  loop: Loop,
  target?: number
): Group => ({
  name,
  title,
  peer: "Effect.timeout",
  by: "added",
  multiple: loop === inOneFiber ? 1 : concurrent,
  subjects: [
    { name: "bare call", run: loop(() => work) },
    { name: "Effect.timeout", run: loop(() => Effect.timeout(work, "1 second")) },
    {
      name: "Deadline.within",
      run: loop(() => Deadline.within(work, "1 second")),
      ...(target === undefined ? {} : { target })
    }
  ]
})

const sustained: Loop = (make) => inFibers(concurrent, make)

export const deadline: Bench = {
  name: "deadline",
  summary: "Deadline.within beside Effect.timeout",
  groups: [
    group("callback", "a callback, one call after the other", callback, inOneFiber, half),
    group("yieldNow", "Effect.yieldNow, one call after the other", Effect.yieldNow, inOneFiber, half),
    group("callback-1000", "a callback, 1,000 fibers at once", callback, sustained, half),
    group("yieldNow-1000", "Effect.yieldNow, 1,000 fibers at once", Effect.yieldNow, sustained, half),
    group("sync", "synchronous work, one call after the other (for information)", synchronous, inOneFiber)
  ],
  memory: []
}
