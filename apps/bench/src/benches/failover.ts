/** What a pool of endpoints adds to a call when all is well, and what picking one of many takes. */
import { Failover } from "@holdfast/core"
import { Array as Arr, Effect, Exit, Logger, Scope } from "effect"
import { AbstractProvider, FallbackProvider, Network, type PerformActionRequest } from "ethers"
import { createClient, custom, fallback } from "viem"
import type { Bench } from "../Bench.ts"
import type { Group, Subject } from "../harness.ts"
import { inOneFiber, inPromises, workFor } from "../loops.ts"

// ----------------------------------------------------------------------------
// Ours
// ----------------------------------------------------------------------------

interface Client {
  readonly ask: Effect.Effect<unknown>
}

type Pool = Failover.Failover<Client>

/** Pools that are made when they are first used, and are closed together. */
class Pools {
  private scope = Scope.makeUnsafe()
  private readonly made = new Map<string, Promise<Pool>>()

  /** Makes so many calls of what is done with a pool, which probes once an hour. */
  calls(
    key: string,
    options: Pick<Failover.Options<Client>, "endpoints" | "select">,
    make: (pool: Pool) => Effect.Effect<unknown, unknown>
  ): Subject["run"] {
    return async (calls) => {
      const pool = this.made.get(key) ?? Effect.runPromise(this.open(options))
      this.made.set(key, pool)
      const found = await pool
      return inOneFiber(() => make(found))(calls)
    }
  }

  /** When it is open all endpoints are known to be well, as in a service that runs. */
  private open(options: Pick<Failover.Options<Client>, "endpoints" | "select">): Effect.Effect<Pool> {
    return Effect.gen({ self: this }, function* () {
      const pool = yield* Failover.make({
        probe: () => Effect.void,
        classify: () => Failover.endpointFault,
        interval: "1 hour",
        ...options
      }).pipe(Scope.provide(this.scope))
      while ((yield* pool.status).some(({ health }) => health !== "Healthy")) yield* Effect.sleep(1)
      return pool
    }).pipe(Effect.provide(Logger.layer([])))
  }

  close(): Promise<void> {
    const { scope } = this
    this.scope = Scope.makeUnsafe()
    this.made.clear()
    return Effect.runPromise(Scope.close(scope, Exit.void))
  }
}

const endpointsOf = (count: number, ask: Effect.Effect<unknown>) =>
  Arr.map(Arr.range(1, count), (number) => Failover.endpoint(`endpoint-${number}`, { ask }))

const execute = (pool: Pool) => pool.execute(({ ask }) => ask)

// ----------------------------------------------------------------------------
// Peers
// ----------------------------------------------------------------------------

type Work = () => Promise<unknown>

const viemSubject = (work: Work): Subject => {
  const transports = Arr.map(Arr.range(1, 3), () => custom({ request: work }))
  const client = createClient({ transport: fallback(transports) })
  return {
    name: "viem, fallback",
    run: inPromises(() => client.request({ method: "eth_blockNumber" })),
    note: "no deadline, no time-out, no memory"
  }
}

const network = Network.from(1)

class FakeProvider extends AbstractProvider {
  readonly #work: Work

  constructor(work: Work) {
    super(network, { cacheTimeout: -1 })
    this.#work = work
  }

  override _detectNetwork(): Promise<Network> {
    return Promise.resolve(network)
  }

  override _perform<T>(request: PerformActionRequest): Promise<T>
  override _perform({ method }: PerformActionRequest): Promise<unknown> {
    return method === "getBlockNumber" ? Promise.resolve(1) : this.#work()
  }
}

const question: PerformActionRequest = {
  method: "getStorage",
  address: `0x${"00".repeat(20)}`,
  position: 0n,
  blockTag: "latest"
}

const ethersSubject = (work: Work): Subject => {
  const providers = Arr.map(Arr.range(1, 3), (priority) => ({ priority, provider: new FakeProvider(work) }))
  const provider = new FallbackProvider(providers, network, { quorum: 1, cacheTimeout: -1 })
  return {
    name: "ethers, FallbackProvider, quorum of 1",
    run: inPromises(() => provider._perform(question)),
    note: "no deadline; a timer for each call, which goes on for 400 ms"
  }
}

// ----------------------------------------------------------------------------
// A call
// ----------------------------------------------------------------------------

/** On top of the bare call, and what a call may add. */
const fixed = "the bare call and 3 µs of fixed work"

const callGroup = (
  name: string,
  title: string,
  ask: Effect.Effect<unknown>,
  peers: ReadonlyArray<Subject>
): Group => {
  const pools = new Pools()
  const endpoints = endpointsOf(3, ask)
  return {
    name,
    title,
    peer: fixed,
    by: "added",
    subjects: [
      { name: "bare call", run: inOneFiber(() => ask) },
      { name: fixed, run: inOneFiber(() => Effect.map(ask, () => workFor(3, 1))) },
      { name: "Failover.execute", run: pools.calls("active", { endpoints }, execute), target: 1 },
      {
        name: "Failover.execute, with a deadline",
        run: pools.calls("active", { endpoints }, (pool) =>
          pool.execute(({ ask }) => ask, { deadline: "10 seconds" })
        ),
        target: 1
      },
      ...peers
    ],
    close: () => pools.close()
  }
}

/** Answers are hex, as ethers looks at them. */
const settled: Work = async () => "0x01"

const nextTurn: Work = () => new Promise((resolve) => setImmediate(() => resolve("0x01")))

const withPeers = (name: string, title: string, work: Work): Group =>
  callGroup(name, title, Effect.promise(work), [viemSubject(work), ethersSubject(work)])

// ----------------------------------------------------------------------------
// The choice of an endpoint
// ----------------------------------------------------------------------------

const done = Effect.succeed(1)

const sizes = (name: string, title: string, make: (pool: Pool) => Effect.Effect<unknown, unknown>): Group => {
  const pools = new Pools()
  const of = (count: number) => pools.calls(`${count}`, { endpoints: endpointsOf(count, done) }, make)
  return {
    name,
    title,
    peer: "3 endpoints",
    by: "total",
    subjects: [
      { name: "3 endpoints", run: of(3) },
      { name: "1,000 endpoints", run: of(1000), target: 1.25 }
    ],
    close: () => pools.close()
  }
}

const sticky = "execute at the route"
const stickyAndWork = "execute at the route, and 1 µs of fixed work"

const pick = (): Group => {
  const pools = new Pools()
  const endpoints = endpointsOf(1000, done)
  const by = (select: NonNullable<Failover.Options<Client>["select"]>) =>
    pools.calls(select, { endpoints, select }, execute)
  return {
    name: "pick",
    title: "one of 1,000 endpoints for each call, which is answered at once",
    peer: stickyAndWork,
    by: "added",
    subjects: [
      { name: sticky, run: by("active") },
      {
        name: stickyAndWork,
        run: pools.calls("active", { endpoints, select: "active" }, (pool) =>
          Effect.map(execute(pool), () => workFor(1, 1))
        )
      },
      { name: "execute at the less busy of two", run: by("leastLoaded"), target: 1 },
      { name: "execute by weight", run: by("weighted") }
    ],
    close: () => pools.close()
  }
}

export const failover: Bench = {
  name: "failover",
  summary: "Failover beside the fallbacks of viem and ethers, and its choice among 1,000 endpoints",
  groups: [
    callGroup("sync", "a call that is answered at once", done, []),
    withPeers("promise", "a promise that is settled already", settled),
    withPeers("turn", "a promise that settles in the next turn of the event loop", nextTurn),
    sizes("active", "reading the route", (pool) => pool.active),
    sizes("sticky", "a call at the route", execute),
    pick()
  ],
  memory: []
}
