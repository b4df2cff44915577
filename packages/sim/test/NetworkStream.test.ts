import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Schedule } from "effect"
import * as Host from "../src/Host.ts"
import { type Connection, connect, listen } from "../src/internal/network/connection.ts"
import * as Network from "../src/Network.ts"
import { echo, pattern, readAll, serving, toServer } from "./network/hosts.ts"
import { exchange } from "./network/programs.ts"
import { bytes, everywhere, failsWith, now, simulate, text, timed } from "./network/simulate.ts"

describe("streams of bytes over the simulated network", { timeout: 120_000 }, () => {
  it("arrive complete and in order, whatever the links do to them", () => {
    const size = 600
    const expected = pattern(size)
    const kinds = new Set<string>()
    everywhere(exchange(size), 300, ({ faults, value }) => {
      assert.deepStrictEqual(value, expected)
      for (const kind of faults.keys()) kinds.add(kind)
    })
    assert.sameMembers(Array.from(kinds), [
      "latency",
      "bandwidth",
      "loss",
      "hold",
      "partition",
      "drip",
      "partialRead"
    ])
  })

  it("a full window makes the writer wait for the reader", () => {
    const slowly = ({ end, read }: Connection) =>
      Effect.gen(function* () {
        while ((yield* read) !== undefined) yield* Effect.sleep("1 second")
        yield* end
      })
    const program = Effect.gen(function* () {
      yield* Host.make("server", serving(80, slowly))
      yield* Effect.sleep("1 milli")
      yield* Network.setLink("main", "server", { latency: "5 millis" })
      const connection = yield* toServer
      const ends: Array<number> = []
      for (let count = 0; count < 6; count++) {
        yield* connection.write(new Uint8Array(40_000))
        ends.push(yield* now)
      }
      return ends
    })
    // The first read finds 40,000 bytes or all of the window of 65,536; each further one, a second later, finds it full.
    const legal = [
      [11, 21, 21, 1021, 2021, 2021],
      [11, 21, 1021, 1021, 2021, 3021]
    ].map((ends) => JSON.stringify(ends))
    const seen = new Set<string>()
    everywhere(Effect.scoped(program), 50, ({ value }) => seen.add(JSON.stringify(value)))
    assert.sameMembers(Array.from(seen), legal)
  })

  it("each side ends its own direction", () => {
    const program = Effect.gen(function* () {
      yield* Host.make(
        "server",
        serving(80, (connection) =>
          Effect.gen(function* () {
            const question = text(yield* readAll(connection))
            yield* connection.write(bytes(`${question}!`))
            yield* connection.end
          })
        )
      )
      yield* Effect.sleep("1 milli")
      const connection = yield* toServer
      yield* connection.write(bytes("hello"))
      yield* connection.end
      const late = yield* Effect.exit(connection.write(bytes("more")))
      return { late, answer: text(yield* readAll(connection)) }
    })
    everywhere(Effect.scoped(program), 100, ({ value }) => {
      failsWith(value.late, "EPIPE")
      assert.strictEqual(value.answer, "hello!")
    })
  })

  it("what was written is sent also when its writer is interrupted", () => {
    const program = Effect.gen(function* () {
      yield* Host.make("server", serving(80, echo))
      yield* Effect.sleep("1 milli")
      yield* Network.setLink("main", "server", { window: 4 }, { oneWay: true })
      const connection = yield* toServer
      const gone = yield* Effect.timeoutOption(connection.write(bytes("a frame")), "1 nanos")
      yield* connection.write(bytes(" and another"))
      yield* connection.end
      return [gone._tag, text(yield* readAll(connection))]
    })
    everywhere(Effect.scoped(program), 100, ({ value }) =>
      assert.deepStrictEqual(value, ["None", "a frame and another"])
    )
  })

  it("the bytes are those at the time of the write, whatever becomes of the array", () => {
    const program = Effect.gen(function* () {
      yield* Host.make("server", serving(80, echo))
      yield* Effect.sleep("1 milli")
      const connection = yield* toServer
      const array = bytes("before")
      yield* connection.write(array)
      array.set(bytes("after"))
      return text(yield* connection.read)
    })
    everywhere(Effect.scoped(program), 20, ({ value }) => assert.strictEqual(value, "before"))
  })

  it("what arrives at a side that has closed is answered by a reset", () => {
    const program = Effect.gen(function* () {
      yield* Host.make(
        "server",
        serving(80, ({ close }) => close)
      )
      yield* Effect.sleep("1 milli")
      const connection = yield* toServer
      const end = yield* connection.read
      yield* connection.write(bytes("too late"))
      yield* Effect.sleep("10 millis")
      return { end, exit: yield* Effect.exit(connection.write(bytes("and again"))) }
    })
    everywhere(Effect.scoped(program), 50, ({ value }) => {
      assert.strictEqual(value.end, undefined)
      failsWith(value.exit, "ECONNRESET")
    })
  })

  it("a scope that closes resets its connection, also one that is being made", () => {
    const program = Effect.gen(function* () {
      const ends: Array<Exit.Exit<unknown, unknown>> = []
      yield* Host.make(
        "server",
        serving(80, ({ read }) => Effect.map(Effect.exit(read), (exit) => ends.push(exit)))
      )
      yield* Effect.sleep("1 milli")
      yield* Effect.scoped(toServer)
      // Interrupted while the server already knows of it.
      yield* Effect.timeoutOption(Effect.scoped(toServer), "1500 micros")
      yield* Effect.sleep("1 second")
      return ends
    })
    everywhere(program, 100, ({ value }) => {
      assert.strictEqual(value.length, 1)
      for (const end of value) failsWith(end, "ECONNRESET on the connection of server:80 with main:49152")
    })
  })

  it("the server's answer to a client that has given up makes no connection", () => {
    const program = Effect.gen(function* () {
      let accepted = 0
      yield* Host.make(
        "server",
        serving(80, () => Effect.sync(() => accepted++))
      )
      yield* Effect.sleep("1 milli")
      yield* Network.setLink("server", "main", { latency: "100 millis" }, { oneWay: true })
      const dialing = yield* Effect.forkChild(Effect.scoped(toServer))
      yield* Effect.sleep("10 millis")
      // So that the server does not learn from its reset that the client has given up.
      yield* Network.partition("main", "server", { oneWay: true })
      yield* Fiber.interrupt(dialing)
      yield* Network.heal("main", "server", { oneWay: true })
      yield* Effect.sleep("1 minute")
      return accepted
    })
    everywhere(program, 50, ({ value }) => assert.strictEqual(value, 0))
  })

  it("no connection is forgotten when its acceptance is interrupted", () => {
    const program = Effect.gen(function* () {
      let accepted = 0
      const count = Effect.sync(() => accepted++)
      const accepting = Effect.scoped(
        Effect.flatMap(listen(80), ({ acceptWith }) =>
          Effect.forever(acceptWith(() => Effect.andThen(Effect.yieldNow, count)))
        )
      )
      // The third message of the handshake arrives after 3 ms.
      yield* Host.make("server", Effect.timeoutOption(accepting, "3 millis"))
      const { read } = yield* Effect.retry(toServer, Schedule.spaced("1 nanos"))
      yield* Effect.exit(Effect.timeout(read, "1 hour"))
      return accepted
    })
    const accepted = new Set<number>()
    everywhere(Effect.scoped(program), 300, ({ value, virtualMillis }) => {
      accepted.add(value)
      // Reset by the listener that closes, or accepted by somebody who has to deal with it.
      if (value === 0) assert.isBelow(virtualMillis, 10)
    })
    assert.sameMembers(Array.from(accepted), [0, 1])
  })

  it("a port can be listened on once, and again when its scope has closed", () => {
    const program = Effect.gen(function* () {
      const twice = yield* Effect.exit(Effect.scoped(Effect.andThen(listen(80), listen(80))))
      const again = yield* Effect.exit(Effect.scoped(listen(80)))
      const { address } = yield* Effect.scoped(listen(0))
      return { twice, again, address }
    })
    const { value } = simulate(program)
    failsWith(value.twice, "listen EADDRINUSE main:80")
    assert.isTrue(Exit.isSuccess(value.again))
    assert.isAtLeast(value.address.port, 49_152)
  })

  it("who comes when the backlog is full must ask again, until there is room", () => {
    const program = Effect.gen(function* () {
      yield* Host.make(
        "busy",
        Effect.scoped(
          Effect.flatMap(listen(80), ({ accept }) =>
            Effect.andThen(Effect.sleep("1500 millis"), Effect.andThen(accept, Effect.never))
          )
        )
      )
      yield* Effect.sleep("1 milli")
      // The default backlog of Node.js.
      for (let count = 0; count < 511; count++) {
        yield* connect({ host: "busy", port: 80 })
        yield* Effect.sleep("50 micros")
      }
      const started = yield* now
      yield* connect({ host: "busy", port: 80 })
      return (yield* now) - started
    })
    // Found out on arrival, tried again a second later, and answered after a round trip.
    assert.approximately(simulate(Effect.scoped(program)).value, 1003, 0.001)
  })

  it("connections that nobody accepted are reset when the listener closes", () => {
    const program = Effect.gen(function* () {
      yield* Host.make("server", Effect.scoped(Effect.andThen(listen(80), Effect.sleep("1 second"))))
      yield* Effect.sleep("1 milli")
      const connection = yield* toServer
      return yield* timed(connection.read)
    })
    everywhere(Effect.scoped(program), 50, ({ value: [at, exit] }) => {
      assert.strictEqual(at, 1001)
      failsWith(exit, "ECONNRESET")
    })
  })
})
