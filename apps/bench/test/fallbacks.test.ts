/**
 * The strategies that the simulator compares are those of the libraries: on the same nodes both ask the same ones at the
 * same times, and end alike.
 */
import { assert, describe, it, vi } from "@effect/vitest"
import * as Simulation from "@holdfast/sim/Simulation"
import { Clock, Effect, Exit, Option, type Scope } from "effect"
import { AbstractProvider, FallbackProvider, Network, type PerformActionRequest } from "ethers"
import { createClient, type FallbackTransportConfig, fallback, http } from "viem"
import { ethersFallback } from "../../../packages/core/sim/support/ethersFallback.ts"
import type { Transport } from "../../../packages/core/sim/support/transports.ts"
import { viemFallback } from "../../../packages/core/sim/support/viemFallback.ts"

/** What a node does with a request: it answers or fails, after so long. */
interface Behaviour {
  readonly answers: boolean
  readonly afterMillis: number
}

interface Node {
  readonly request: Behaviour
  /** What it does with pings and questions for its block number. */
  readonly ping: Behaviour
  /** What it does with pings from half a minute on, when that is different. */
  readonly laterPing?: Behaviour
}

type Kind = "request" | "broadcast" | "ping"

/** What can be seen of a strategy from outside: who was asked when, and what came of the request. */
interface Seen {
  readonly sends: Array<string>
  end: string
}

const lengthMillis = 100_000

const answer = (afterMillis: number): Node => {
  const behaviour = { answers: true, afterMillis }
  return { request: behaviour, ping: behaviour }
}
const fail = (afterMillis: number): Node => ({
  request: { answers: false, afterMillis },
  ping: { answers: true, afterMillis }
})
const down = (afterMillis: number): Node => {
  const behaviour = { answers: false, afterMillis }
  return { request: behaviour, ping: behaviour }
}
const hang: Node = {
  request: { answers: true, afterMillis: Infinity },
  ping: { answers: true, afterMillis: 10 }
}

/** Pings say that it was slow for long; they are quick now. */
const recovered: Node = {
  request: { answers: true, afterMillis: 20 },
  ping: { answers: true, afterMillis: 900 },
  laterPing: { answers: true, afterMillis: 10 }
}

const behaviourOf = ({ laterPing, ping, request }: Node, kind: Kind, now: number): Behaviour => {
  if (kind !== "ping") return request
  return now < 30_000 ? ping : (laterPing ?? ping)
}

// ----------------------------------------------------------------------------
// The strategies
// ----------------------------------------------------------------------------

type Client = Effect.Effect<Transport<Kind, string, unknown>, never, Scope.Scope>

const ofStrategy = (
  nodes: ReadonlyArray<Node>,
  kind: Kind,
  atMillis: number,
  make: (transports: ReadonlyArray<Transport<Kind, string, string>>) => Client
): Seen => {
  const seen: Seen = { sends: [], end: "still open" }
  const transports = nodes.map((node, index) => (request: Kind) => {
    return Effect.flatMap(Clock.currentTimeMillis, (now) => {
      const { afterMillis, answers } = behaviourOf(node, request, now)
      seen.sends.push(`${request} to ${index} at ${now}`)
      if (afterMillis === Infinity) return Effect.never
      return Effect.andThen(
        Effect.sleep(afterMillis),
        answers ? Effect.succeed("0x01") : Effect.fail(`no ${index}`)
      )
    })
  })
  const program = Effect.gen(function* () {
    const client = yield* make(transports)
    yield* Effect.sleep(atMillis)
    const exit = yield* Effect.timeoutOption(Effect.exit(client(kind)), lengthMillis)
    if (Option.isNone(exit)) return
    seen.end = `${Exit.isSuccess(exit.value) ? "answered" : "failed"} at ${yield* Clock.currentTimeMillis}`
  })
  const { exit } = Simulation.run(Effect.scoped(program))
  assert.isTrue(Exit.isSuccess(exit))
  return seen
}

// ----------------------------------------------------------------------------
// The libraries
// ----------------------------------------------------------------------------

const after = (millis: number): Promise<void> =>
  millis === Infinity ? new Promise(() => {}) : new Promise((resolve) => setTimeout(resolve, millis))

/** Under a clock that is turned by hand. */
const ofLibrary = async (
  atMillis: number,
  make: (seen: Seen, now: () => number) => () => Promise<unknown>
): Promise<Seen> => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date"] })
  try {
    const startMillis = Date.now()
    const now = () => Date.now() - startMillis
    const seen: Seen = { sends: [], end: "still open" }
    let found: Seen | undefined
    const ask = make(seen, now)
    await vi.advanceTimersByTimeAsync(atMillis)
    // What comes after the end is not looked at.
    const ended = (how: string) => () => {
      if (now() <= atMillis + lengthMillis) found ??= { sends: [...seen.sends], end: `${how} at ${now()}` }
    }
    ask().then(ended("answered"), ended("failed"))
    await vi.advanceTimersByTimeAsync(lengthMillis)
    return found ?? seen
  } finally {
    vi.useRealTimers()
  }
}

const ofViem = (nodes: ReadonlyArray<Node>, atMillis: number, config: FallbackTransportConfig) =>
  ofLibrary(atMillis, (seen, now) => {
    const transports = nodes.map((node, index) =>
      http(`http://node-${index}.example`, {
        fetchFn: async (_, init) => {
          const kind = String(init?.body).includes("net_listening") ? "ping" : "request"
          seen.sends.push(`${kind} to ${index} at ${now()}`)
          const { afterMillis, answers } = behaviourOf(node, kind, now())
          const aborted = new Promise<never>((_, reject) => {
            init?.signal?.addEventListener("abort", () => reject(init.signal?.reason))
          })
          await Promise.race([after(afterMillis), aborted])
          if (!answers) throw new TypeError("fetch failed")
          return Response.json({ jsonrpc: "2.0", id: 1, result: "0x01" })
        }
      })
    )
    const client = createClient({ transport: fallback(transports, config) })
    return () => client.request({ method: "eth_blockNumber" })
  })

const network = Network.from(1)
const ethersAddress = `0x${"00".repeat(20)}`

class NodeProvider extends AbstractProvider {
  readonly #perform_: (kind: Kind) => Promise<string>

  constructor(perform: (kind: Kind) => Promise<string>) {
    super(network, { cacheTimeout: -1 })
    this.#perform_ = perform
  }

  override _detectNetwork(): Promise<Network> {
    return Promise.resolve(network)
  }

  override _perform<T>({ method }: PerformActionRequest): Promise<T>
  override _perform({ method }: PerformActionRequest): Promise<string> {
    return this.#perform_(
      method === "getBlockNumber" ? "ping" : method === "broadcastTransaction" ? "broadcast" : "request"
    )
  }
}

/** Errors of two nodes are never alike, as each names its address. */
class NodeError extends Error {
  readonly address: string

  constructor(address: string) {
    super("connection refused")
    this.address = address
  }
}

const ofEthers = (nodes: ReadonlyArray<Node>, kind: Kind, quorum: number) =>
  ofLibrary(0, (seen, now) => {
    const providers = nodes.map((node, index) => ({
      priority: index + 1,
      provider: new NodeProvider(async (request) => {
        seen.sends.push(`${request} to ${index} at ${now()}`)
        const { afterMillis, answers } = behaviourOf(node, request, now())
        await after(afterMillis)
        if (!answers) throw new NodeError(`node-${index}`)
        return "0x01"
      })
    }))
    const provider = new FallbackProvider(providers, network, { quorum, cacheTimeout: -1 })
    return () =>
      kind === "broadcast"
        ? provider._perform({ method: "broadcastTransaction", signedTransaction: "0x01" })
        : provider._perform({
            method: "getStorage",
            address: ethersAddress,
            position: 0n,
            blockTag: "latest"
          })
  })

// ----------------------------------------------------------------------------
// Side by side
// ----------------------------------------------------------------------------

const nodes: Readonly<Record<string, ReadonlyArray<Node>>> = {
  "all are well": [answer(50), answer(80), answer(40)],
  "the first fails": [fail(50), answer(80), answer(40)],
  "the first is slow": [answer(700), answer(80), answer(40)],
  "the first takes longer than any time-out": [answer(12_000), answer(80), answer(40)],
  "the first hangs": [hang, answer(80), answer(40)],
  "the second fails": [answer(50), fail(80), answer(40)],
  "the first is slow, the second fails": [answer(3000), fail(50), answer(40)],
  "two are slow": [answer(2000), answer(2500), answer(40)],
  "two fail": [fail(50), fail(80), answer(40)],
  "two hang": [hang, hang, answer(40)],
  "all fail": [fail(50), fail(80), fail(40)],
  "the first is down": [down(5), answer(80), answer(40)],
  "two are down": [down(5), down(5), answer(40)],
  "the last is the fastest": [answer(800), answer(300), answer(20)],
  "one is down, one is slow": [answer(900), down(5), answer(300)],
  "the first was slow for long": [recovered, answer(80), answer(120)]
}

describe("viem's fallback", () => {
  for (const [title, each] of Object.entries(nodes)) {
    it(`${title}: it is as the strategy says`, async () => {
      assert.deepStrictEqual(
        ofStrategy(each, "request", 0, (transports) => viemFallback(transports)),
        await ofViem(each, 0, {})
      )
    })
    for (const millis of [9000, 49_900]) {
      it(`ranked, ${title}, after ${millis} ms: it is as the strategy says`, async () => {
        const rank = { ping: "ping" } as const
        assert.deepStrictEqual(
          ofStrategy(each, "request", millis, (transports) => viemFallback(transports, { rank })),
          await ofViem(each, millis, { rank: true })
        )
      })
    }
  }
})

describe("ethers' FallbackProvider", () => {
  for (const [title, each] of Object.entries(nodes)) {
    for (const quorum of [1, 2]) {
      for (const kind of ["request", "broadcast"] as const) {
        it(`${kind} with a quorum of ${quorum}, ${title}: it is as the strategy says`, async () => {
          const strategy = ofStrategy(each, kind, 0, (transports) =>
            ethersFallback(transports, {
              sync: "ping",
              isBroadcast: (request) => request === "broadcast",
              tagOf: (value) => value,
              priorities: [1, 2, 3],
              quorum
            })
          )
          assert.deepStrictEqual(strategy, await ofEthers(each, kind, quorum))
        })
      }
    }
  }
})
