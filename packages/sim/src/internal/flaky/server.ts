/** A server: its ledger, and the script that says how to treat a call. */
import { Effect } from "effect"
import type { FlakyServer, Script } from "../../FlakyServer.ts"
import { CurrentHost } from "../host.ts"
import { Ledger, type Rules } from "./ledger.ts"
import { type Errors, plannedFaults, reply } from "./reply.ts"
import { behaviourAt, invalidMillis } from "./script.ts"
import { nowNanos } from "./time.ts"

export const serve = <Req, A, E>(
  name: string,
  script: Script,
  rules: Rules<Req, A>,
  errors: Errors<E>
): Effect.Effect<
  Omit<FlakyServer<Req, A>, "call"> & { readonly call: (request: Req) => Effect.Effect<A, E> }
> =>
  Effect.withFiber((maker) => {
    const invalid = invalidMillis(script)
    if (invalid !== undefined) {
      const problem = `the script of ${name} has a length of ${invalid} ms: it must be finite and at least 0`
      return Effect.die(new Error(problem))
    }
    for (const fault of plannedFaults(script)) maker.getRef(CurrentHost)?.driver.planned.add(fault)
    const madeNanos = nowNanos(maker)
    const ledger = new Ledger(rules)
    const settled = <B>(look: () => B): Effect.Effect<B> =>
      Effect.withFiber((fiber) => {
        ledger.settle(nowNanos(fiber))
        return Effect.succeed(look())
      })
    const call = (request: Req): Effect.Effect<A, E> =>
      Effect.withFiber((fiber) => {
        const begin = Effect.sync(() => {
          const startNanos = nowNanos(fiber)
          const behaviour = behaviourAt(script, ledger.entries.length, (startNanos - madeNanos) / 1e6)
          return ledger.begin(request, behaviour, startNanos, fiber.getRef(CurrentHost))
        })
        return Effect.acquireUseRelease(
          begin,
          (entry) => reply({ server: name, ledger, entry, fiber, errors }),
          (entry) => Effect.sync(() => ledger.end(entry, nowNanos(fiber)))
        )
      })
    return Effect.succeed({
      name,
      script,
      call,
      calls: settled(() => ledger.calls(madeNanos)),
      committed: settled(() => ledger.committed.slice()),
      inFlight: Effect.sync(() => ledger.inFlight),
      maxInFlight: Effect.sync(() => ledger.maxInFlight)
    })
  })
