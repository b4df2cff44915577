/** Processes that share values: each changes them in every way, at any speed, and is interrupted, cut off, killed and paused. */
import { Check, Suite } from "@holdfast/sim"
import { Effect } from "effect"
import { Client } from "./support/stateClients.ts"
import { Hosts } from "./support/stateHosts.ts"
import { StateMachine } from "./support/stateMachine.ts"
import { describe, type Workload, workload } from "./support/stateSteps.ts"
import { Witness } from "./support/stateWitness.ts"
import { second, sleep, toDuration } from "./support/time.ts"

/** Far more than all that anybody waits for. */
const patience = 60 * second

const run = ({ blows, conditions, processes }: Workload) =>
  Effect.gen(function* () {
    const machine = new StateMachine(conditions)
    const witness = yield* Witness.make
    const hosts = new Hosts(machine, (owner) => witness.died(owner))
    for (const [process, clients] of processes.entries()) {
      yield* hosts.start(process, (life) =>
        Effect.forEach(
          clients,
          (steps, client) => new Client(`${life.owner}.${client}`, life, witness).run(steps),
          { concurrency: "unbounded", discard: true }
        )
      )
    }
    yield* hosts.befall(blows)
    yield* Check.endsWithin("LK-6", toDuration(patience), hosts.ended)
    // What was abandoned ends, too.
    yield* sleep(second)
    yield* Check.always(
      "LK-1",
      machine.locks.size === 0,
      () => `all have ended, and these are locked: ${Array.from(machine.locks.keys()).join(", ")}`
    )
    for (const key of ["a", "b"]) {
      const stored = machine.rows.get(key)?.stored
      const last = { _tag: "Is", value: Number(stored?.value ?? "0"), version: stored?.version ?? 0 } as const
      yield* witness.record("the end", { _tag: "Read", key }, Effect.succeed(last))
    }
    yield* witness.linearizable
  })

const reaches = [
  "something is interrupted",
  "something ends with LockTimeout",
  "something ends with OutcomeUnknown",
  "something ends with StoreFull",
  "something ends with StoreUnavailable",
  "something ends with Fenced",
  "an old fence writes"
]

const shared = Suite.make({
  name: "State",
  guarantees: ["LS-3", "LS-4", "LK-1", "LK-2", "LK-4", "LK-5", "LK-6"],
  arbitrary: workload(3, 3),
  describe,
  reaches,
  run
})

const stock = Suite.make({
  name: "State on the stock scheduler",
  guarantees: ["LS-3", "LS-4", "LK-1", "LK-2", "LK-4", "LK-5", "LK-6"],
  level: "realistic",
  arbitrary: workload(3, 3),
  describe,
  reaches,
  run
})

export const suites: ReadonlyArray<Suite.Suite> = [shared, stock]
