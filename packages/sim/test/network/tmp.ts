import { Effect } from "effect"
import * as Host from "../../src/Host.ts"
import * as Network from "../../src/Network.ts"
import * as Simulation from "../../src/Simulation.ts"
import { type Arrival, arrivals, serving, toServer } from "./hosts.ts"
const program = Effect.scoped(Effect.gen(function* () {
    const seen: Array<Arrival> = []
    yield* Host.make("server", serving(80, (connection) => arrivals(connection, seen)))
    yield* Effect.sleep("1 milli")
          yield* Network.setLink("main", "server", { loss: 0.3 })
      const connection = yield* toServer
    yield* connection.write(new Uint8Array(10))
    yield* connection.end
    yield* Effect.sleep("1 minute")
    return seen
}))
for (let seed = 0; seed < 300; seed++) {
  const r = Simulation.run(program, { seed, trace: true })
  const v = (r.exit as any).value
  if (v?.[0]?.size !== 10) { console.log(seed, v, r.exit); for (const e of r.trace) if (e.kind === "message" || e.kind==="fault") console.log((e.atNanos/1e6).toFixed(1), e.kind, e.text, JSON.stringify(e.data)); break }
}
