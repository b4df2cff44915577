import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Stream } from "effect"
import { RpcClient } from "effect/rpc"
import * as Host from "../src/Host.ts"
import * as Network from "../src/Network.ts"
import { Calls, clientOf, type Format, formats, type Seen, serverOf } from "./network/rpc.ts"
import { everywhere, failsWith, now } from "./network/simulate.ts"

/** For each of the formats. */
const seeds = 70

const makeClient = RpcClient.make(Calls)

interface World {
  readonly client: Effect.Success<typeof makeClient>
  readonly server: Host.Host
  readonly seen: Seen
}

/** A server on a host of its own, and a client on the host of the test. */
const world = <A, E>(format: Format, use: (world: World) => Effect.Effect<A, E>) =>
  Effect.gen(function* () {
    const seen = { hanging: 0, interrupted: 0 }
    let server: Host.Host | undefined
    const life = Effect.suspend(() => server?.incarnation ?? Effect.succeed(-1))
    server = yield* Host.make("server", Layer.launch(serverOf(format, seen, life)))
    const client = yield* makeClient
    return yield* use({ client, server, seen })
  }).pipe(Effect.provide(clientOf(format)), Effect.scoped)

const formatNames = Object.keys(formats).filter((name): name is Format => name in formats)

describe("RPC over the simulated network", { timeout: 120_000 }, () => {
  describe.each(formatNames)("with %s", (format) => {
    it("SIM-4 calls and streams run unchanged, also when every read gives a byte", () => {
      const program = world(format, ({ client }) =>
        Effect.gen(function* () {
          yield* Network.setLink("main", "server", {
            readAtMost: 1,
            latency: { min: "1 millis", max: "9 millis" }
          })
          const doubled = yield* Effect.all(
            [1, 2, 3, 4, 5].map((n) => client.Double({ n })),
            { concurrency: "unbounded" }
          )
          const counted = yield* Stream.runCollect(client.Count({ to: 20 }))
          return [doubled, counted]
        })
      )
      const counted = Array.from({ length: 20 }, (_, index) => index + 1)
      everywhere(program, seeds, ({ faults, value }) => {
        assert.deepStrictEqual(value, [[2, 4, 6, 8, 10], counted])
        assert.isAbove(faults.get("partialRead") ?? 0, 100)
      })
    })

    it("SIM-4 an interruption of the caller reaches the server", () => {
      const program = world(format, ({ client, seen }) =>
        Effect.gen(function* () {
          const call = yield* Effect.forkChild(client.Hang())
          yield* Effect.sleep("1 second")
          const { hanging } = seen
          yield* Fiber.interrupt(call)
          yield* Effect.sleep("1 second")
          return [hanging, seen.interrupted]
        })
      )
      everywhere(program, seeds, ({ value }) => assert.deepStrictEqual(value, [1, 1]))
    })

    it("SIM-4 a reset fails the call in flight, and the client connects again", () => {
      const program = world(format, ({ client, seen }) =>
        Effect.gen(function* () {
          const call = yield* Effect.forkChild(client.Hang())
          yield* Effect.sleep("1 second")
          yield* Network.reset("main", "server")
          const failed = yield* Fiber.await(call)
          yield* Effect.sleep("1 second")
          return { failed, doubled: yield* client.Double({ n: 21 }), interrupted: seen.interrupted }
        })
      )
      everywhere(program, seeds, ({ faults, value }) => {
        failsWith(value.failed, "An error occurred during Read")
        assert.strictEqual(value.doubled, 42)
        assert.strictEqual(value.interrupted, 1)
        assert.strictEqual(faults.get("reset"), 1)
      })
    })

    it("SIM-4 the ping finds a one-way partition within two intervals", () => {
      const program = world(format, ({ client }) =>
        Effect.gen(function* () {
          yield* client.Double({ n: 1 })
          yield* Network.partition("server", "main", { oneWay: true })
          const failed = yield* Effect.exit(client.Double({ n: 2 }))
          const at = yield* now
          yield* Network.heal("server", "main")
          yield* Effect.sleep("10 seconds")
          return { failed, at, doubled: yield* client.Double({ n: 3 }) }
        })
      )
      everywhere(program, seeds, ({ faults, value }) => {
        failsWith(value.failed, "An error occurred during Read")
        assert.isAtLeast(value.at, 10_000)
        assert.isAtMost(value.at, 15_000)
        assert.strictEqual(value.doubled, 6)
        assert.isAbove(faults.get("partition") ?? 0, 0)
      })
    })

    it("SIM-4 after a crash and a restart of the server, the client reaches its next life", () => {
      const program = world(format, ({ client, server }) =>
        Effect.gen(function* () {
          const first = yield* client.Life()
          yield* server.crash
          const down = yield* Effect.exit(client.Life())
          const at = yield* now
          yield* server.restart
          yield* Effect.sleep("2 minutes")
          return { first, down, at, second: yield* client.Life() }
        })
      )
      everywhere(program, seeds, ({ value }) => {
        assert.isTrue(Exit.isFailure(value.down))
        assert.isAtMost(value.at, 15_000)
        assert.deepStrictEqual([value.first, value.second], [0, 1])
      })
    })
  })
})
