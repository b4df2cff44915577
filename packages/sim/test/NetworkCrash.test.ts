import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber, type Scope } from "effect"
import * as Host from "../src/Host.ts"
import { type Connection, connect, listen } from "../src/internal/network/connection.ts"
import * as Network from "../src/Network.ts"
import { echo, serving, toServer } from "./network/hosts.ts"
import { bytes, everywhere, failsWith, now, text, timed } from "./network/simulate.ts"

/** A client of a server that crashes and restarts; the server answers what it gets. */
const withCrash = <A, E>(
  use: (connection: Connection, server: Host.Host) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function* () {
    const server = yield* Host.make("server", serving(80, echo))
    yield* Effect.sleep("1 milli")
    return yield* use(yield* toServer, server)
  }).pipe(Effect.scoped)

describe("crashes on the simulated network", { timeout: 120_000 }, () => {
  it("a crashed host is silent; once restarted it resets old connections at the next retry", () => {
    const program = withCrash((connection, server) =>
      Effect.gen(function* () {
        yield* server.crash
        const silence = yield* Effect.timeoutOption(
          Effect.andThen(connection.write(bytes("anybody?")), connection.read),
          "1 second"
        )
        yield* server.restart
        const [at, exit] = yield* timed(connection.read)
        return { silence: silence._tag, at, exit }
      })
    )
    // Sent at 3 ms, found lost when it arrives at 4, again 0.2, 0.6 and 1.4 s later; a millisecond each for the way.
    everywhere(program, 50, ({ value }) => {
      assert.strictEqual(value.silence, "None")
      failsWith(value.exit, "ECONNRESET on the connection of main:49152 with server:80")
      assert.strictEqual(value.at, 1408)
    })
  })

  it("a connection on which nothing was sent learns of the restart by its next write", () => {
    const program = withCrash((connection, server) =>
      Effect.gen(function* () {
        yield* Effect.sleep("10 millis")
        yield* server.restart
        const silence = yield* Effect.timeoutOption(connection.read, "1 hour")
        yield* connection.write(bytes("still there?"))
        const [at, exit] = yield* timed(connection.read)
        return { silence: silence._tag, at, exit }
      })
    )
    everywhere(program, 50, ({ value }) => {
      assert.strictEqual(value.silence, "None")
      failsWith(value.exit, "ECONNRESET")
      assert.strictEqual(value.at, 3_600_015)
    })
  })

  it("a host that is down cannot be connected to; its next life has its ports again", () => {
    const program = withCrash((_, server) =>
      Effect.gen(function* () {
        yield* server.crash
        const down = yield* Effect.timeoutOption(toServer, "10 seconds")
        yield* server.restart
        yield* Effect.sleep("1 milli")
        const connection = yield* toServer
        yield* connection.write(bytes("welcome back"))
        return [down._tag, text(yield* connection.read)]
      })
    )
    everywhere(program, 50, ({ value }) => assert.deepStrictEqual(value, ["None", "welcome back"]))
  })

  it("what a host sent before it crashed still arrives", () => {
    const program = Effect.gen(function* () {
      const client = yield* Host.make(
        "client",
        Effect.scoped(
          Effect.flatMap(connect({ host: "main", port: 80 }), ({ write }) => write(bytes("last words"))).pipe(
            Effect.andThen(Effect.never)
          )
        )
      )
      const { accept } = yield* listen(80)
      yield* Effect.sleep("2500 micros")
      yield* client.crash
      const { read } = yield* accept
      const words = text(yield* read)
      const silence = yield* Effect.timeoutOption(read, "1 hour")
      return [words, silence._tag]
    })
    everywhere(Effect.scoped(program), 50, ({ value }) =>
      assert.deepStrictEqual(value, ["last words", "None"])
    )
  })

  it("what was lost is not sent again by a host that has crashed since", () => {
    const program = Effect.gen(function* () {
      const write = Effect.flatMap(connect({ host: "main", port: 80 }), (connection) =>
        Effect.andThen(Effect.sleep("1 second"), connection.write(bytes("lost words")))
      )
      const client = yield* Host.make("client", Effect.scoped(Effect.andThen(write, Effect.never)))
      const { accept } = yield* listen(80)
      const { read } = yield* accept
      yield* Network.partition("client", "main")
      yield* Effect.sleep("1100 millis")
      yield* client.crash
      yield* Network.heal("client", "main")
      return (yield* Effect.timeoutOption(read, "1 hour"))._tag
    })
    everywhere(Effect.scoped(program), 50, ({ faults, value }) => {
      assert.strictEqual(value, "None")
      assert.strictEqual(faults.get("partition"), 1)
    })
  })

  it("a paused host acknowledges what fits its window, and reads it when it goes on", () => {
    const program = Effect.gen(function* () {
      const server = yield* Host.make("server", serving(80, echo))
      yield* Effect.sleep("1 milli")
      yield* server.pause
      const connection = yield* toServer
      const connectedAt = yield* now
      yield* connection.write(bytes("wake up"))
      const reading = yield* Effect.forkChild(timed(connection.read))
      yield* Effect.sleep("10 seconds")
      yield* server.resume
      const [readAt] = yield* Fiber.join(reading)
      return [connectedAt, readAt]
    })
    everywhere(Effect.scoped(program), 50, ({ value }) => assert.deepStrictEqual(value, [3, 10_004]))
  })
})
