import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Queue, Random, type Scope } from "effect"
import * as Host from "../src/Host.ts"
import { type Connection, connect, listen } from "../src/internal/network/connection.ts"
import * as Network from "../src/Network.ts"
import * as Simulation from "../src/Simulation.ts"
import { echo, pattern, readAll, serving, toServer } from "./network/hosts.ts"
import { bytes, everywhere, failsWith, now, simulate, text, timed } from "./network/simulate.ts"

const worst: Network.Conditions = {
  latency: { min: "1 millis", max: "40 millis" },
  window: 64,
  loss: 0.05,
  readAtMost: 7,
  drip: { bytes: 5, every: "3 millis" },
  bandwidth: 20_000
}

/** Holds or cuts the links and lets go of them, again and again. */
const unrest = Effect.gen(function* () {
  while (true) {
    yield* Effect.sleep(yield* Random.nextIntBetween(1, 300))
    const oneWay = yield* Random.nextBoolean
    const isHold = yield* Random.nextBoolean
    yield* isHold
      ? Network.hold("main", "server", { oneWay })
      : Network.partition("main", "server", { oneWay })
    yield* Effect.sleep(yield* Random.nextIntBetween(1, 300))
    yield* Network.release("main", "server")
    // Held messages that go out into a partition, or the other way round.
    if (yield* Random.nextBoolean) yield* Network.heal("main", "server")
  }
})

/** Writes in pieces of drawn sizes. */
const writeInPieces = ({ end, write }: Connection, all: Uint8Array) =>
  Effect.gen(function* () {
    let at = 0
    while (at < all.length) {
      const size = yield* Random.nextIntBetween(1, 100)
      yield* write(all.subarray(at, at + size))
      at += size
    }
    yield* end
  })

const exchange = (size: number) =>
  Effect.gen(function* () {
    yield* Host.make("server", serving(80, echo))
    yield* Effect.sleep("1 milli")
    yield* Network.setLink("main", "server", worst)
    const connection = yield* toServer
    yield* Effect.forkChild(unrest)
    yield* Effect.forkChild(writeInPieces(connection, pattern(size)))
    return yield* readAll(connection)
  }).pipe(Effect.scoped)

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
      yield* Effect.sleep("2 millis")
      const [at, exit] = yield* timed(connection.write(bytes("and again")))
      return { end, at, exit }
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

/** Hosts that talk to each other while the test crashes, pauses and restarts them. */
const turmoil = Effect.gen(function* () {
  const names = ["a", "b", "c"]
  const still = new Set<string>()
  const steps: Array<string> = []
  const step = (name: string) =>
    Effect.sync(() => {
      if (still.has(name)) steps.push(name)
    })
  const talk = (name: string, peer: string) =>
    Effect.gen(function* () {
      const connection = yield* connect({ host: peer, port: 80 })
      for (let round = 0; round < 20; round++) {
        yield* step(name)
        yield* connection.write(pattern(50))
        yield* step(name)
        yield* connection.read
        yield* step(name)
        yield* Network.send({ host: peer, port: 7 }, round)
      }
    }).pipe(Effect.scoped, Effect.timeoutOption("300 millis"), Effect.ignore, Effect.ensuring(step(name)))
  const answer = ({ read, write }: Connection, name: string) =>
    Effect.gen(function* () {
      while (true) {
        yield* write((yield* read) ?? bytes("."))
        yield* step(name)
      }
    }).pipe(Effect.ensuring(step(name)))
  const main = (name: string, peer: string) =>
    Effect.gen(function* () {
      const { messages } = yield* Network.mailbox<number>(7)
      yield* Effect.forkChild(serving(80, (connection) => answer(connection, name)))
      yield* Effect.forkChild(Effect.forever(Effect.andThen(Queue.take(messages), step(name))))
      yield* Effect.forever(Effect.andThen(talk(name, peer), Effect.sleep("10 millis")))
    })
  yield* Network.setDefault({ latency: { min: "1 millis", max: "20 millis" }, window: 120 })
  const hosts = yield* Effect.forEach(names, (name, index) =>
    Host.make(name, main(name, names[(index + 1) % names.length] ?? "a"))
  )
  for (let round = 0; round < 12; round++) {
    yield* Effect.sleep(yield* Random.nextIntBetween(1, 60))
    const host = hosts[yield* Random.nextIntBetween(0, hosts.length - 1)]
    if (host === undefined) continue
    const isCrash = yield* Random.nextBoolean
    yield* isCrash ? host.crash : host.pause
    still.add(host.name)
    yield* Effect.sleep(yield* Random.nextIntBetween(1, 60))
    still.delete(host.name)
    yield* isCrash ? host.restart : host.resume
  }
  return steps
})

describe("guarantees of the simulated network", { timeout: 120_000 }, () => {
  it("SIM-5 nothing runs on a host that is dead or paused, whatever arrives for it", () => {
    let messages = 0
    everywhere(turmoil, 300, ({ steps, value, warnings }) => {
      assert.deepStrictEqual(value, [])
      assert.deepStrictEqual(warnings, [])
      messages += steps
    })
    assert.isAbove(messages, 100_000)
  })

  it("SIM-1 the same seed gives the same hash, traced or not, and a recording replays it", () => {
    const hashes = new Set<string>()
    const repeat = <A, E>(program: Effect.Effect<A, E>, seed: number) => {
      const { choices, hash } = simulate(program, { seed })
      assert.strictEqual(simulate(program, { seed }).hash, hash)
      assert.strictEqual(simulate(program, { seed, trace: true }).hash, hash)
      assert.strictEqual(simulate(program, { choices }).hash, hash)
      hashes.add(hash)
    }
    for (let seed = 0; seed < 20; seed++) {
      repeat(exchange(100), seed)
      repeat(turmoil, seed)
    }
    assert.isAbove(hashes.size, 30)
  })

  it("SIM-3 every message of a trace is sent once, and then delivered or dropped at most once", () => {
    for (let seed = 0; seed < 20; seed++) {
      const phases = new Map<number, Array<string>>()
      for (const { data, kind } of Simulation.run(turmoil, { seed, trace: true }).trace) {
        if (kind !== "message" || data === undefined) continue
        const id = Number(data.id)
        phases.set(id, [...(phases.get(id) ?? []), String(data.phase)])
      }
      assert.isAbove(phases.size, 100)
      for (const [first, second, ...more] of phases.values()) {
        assert.strictEqual(first, "send")
        assert.oneOf(second, ["deliver", "drop", undefined])
        assert.deepStrictEqual(more, [])
      }
    }
  })

  it("five hundred hosts cost as much per message as fifty", () => {
    const ring = (size: number) =>
      Effect.gen(function* () {
        const main = (index: number) =>
          Effect.gen(function* () {
            const { messages, send } = yield* Network.mailbox<number>(7)
            const next = { host: `host ${(index + 1) % size}`, port: 7 }
            while (true) yield* send(next, (yield* Queue.take(messages)).payload + 1)
          })
        for (let index = 0; index < size; index++) yield* Host.make(`host ${index}`, main(index))
        yield* Effect.sleep("1 milli")
        for (let index = 0; index < size; index++) yield* Network.send({ host: `host ${index}`, port: 7 }, 0)
        yield* Effect.sleep("100 millis")
      })
    const [small, large] = [simulate(ring(50)).steps / 50, simulate(ring(500)).steps / 500]
    assert.isAtMost(large, small * 1.05)
  })
})
