import { inOneFiber } from "./loops.ts"
import { makeDirectory, modify, open } from "./benches/state/contenders.ts"
const ours = await open(process.argv[2] as "file", makeDirectory())
const what = process.argv[3]
const n = Number(process.argv[4])
import { Effect } from "effect"
await Effect.runPromise(modify(ours))
const run = inOneFiber(() => what === "get" ? ours.state.get : what === "modify" ? modify(ours) : what === "lease" ? ours.lease : ours.store.read("value"))
await run(Math.min(n, 20000))
const c0 = process.cpuUsage(), t0 = performance.now()
await run(n)
const c = process.cpuUsage(c0)
console.log(what, ((c.user + c.system) / n).toFixed(3), "µs cpu", ((performance.now() - t0) / n * 1e3).toFixed(2), "µs wall")
process.exit()
