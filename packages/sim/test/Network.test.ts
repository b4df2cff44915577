import { assert, describe, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import * as Host from "../src/Host.ts"
import { connect } from "../src/internal/network/connection.ts"
import * as Network from "../src/Network.ts"
import { echo, serving, toServer, towardsServer, write } from "./network/hosts.ts"
import { bytes, everywhere, failsWith, now, simulate, text, timed } from "./network/simulate.ts"

describe("Network", { timeout: 120_000 }, () => {
  describe("by default", () => {
    it("a message takes a millisecond, and a connection a round trip", () => {
      const program = towardsServer((seen) => Effect.andThen(write(10), Effect.succeed(seen)))
      everywhere(program, 50, ({ faults, value }) => {
        assert.deepStrictEqual(value, [
          { at: 4, size: 10 },
          { at: 4, size: 0 }
        ])
        assert.strictEqual(faults.size, 0)
      })
    })

    it("a host reaches itself by the name localhost, in 20 µs", () => {
      const program = Effect.gen(function* () {
        yield* Effect.forkChild(serving(80, echo))
        yield* Effect.sleep("1 milli")
        const connection = yield* connect({ host: "localhost", port: 80 })
        yield* connection.write(bytes("hello"))
        return [text(yield* connection.read), yield* now, connection.remote.host]
      })
      everywhere(Effect.scoped(program), 50, ({ value }) =>
        assert.deepStrictEqual(value, ["hello", 1.08, "main"])
      )
    })

    it("a port where nothing listens refuses after a round trip, and that is no fault", () => {
      const program = towardsServer(() => timed(connect({ host: "server", port: 81 })))
      everywhere(program, 50, ({ faults, value: [at, exit] }) => {
        assert.strictEqual(at, 3)
        failsWith(exit, "connect ECONNREFUSED server:81")
        assert.strictEqual(faults.size, 0)
      })
    })

    it("a host that does not exist cannot be connected to", () => {
      failsWith(simulate(Effect.scoped(Effect.exit(toServer))).value, "connect ENOTFOUND server:80")
    })
  })

  describe("latency", () => {
    it("a fixed latency delays every message", () => {
      const program = towardsServer((seen) =>
        Effect.gen(function* () {
          yield* Network.setLink("main", "server", { latency: "100 millis" }, { oneWay: true })
          yield* write(10)
          return seen
        })
      )
      // SYN, ACK, data, FIN.
      everywhere(program, 50, ({ faults, value }) => {
        assert.deepStrictEqual(value[0], { at: 202, size: 10 })
        assert.deepStrictEqual(Object.fromEntries(faults), { latency: 4 })
      })
    })

    it("drawn latencies stay in their range, and the calm one is the least", () => {
      for (const mean of [undefined, "20 millis"] as const) {
        const program = towardsServer((seen) =>
          Effect.gen(function* () {
            yield* Network.setDefault({ latency: { min: "10 millis", max: "100 millis", mean } })
            yield* write(10)
            return seen[0]?.at ?? 0
          })
        )
        const calm = simulate(program)
        assert.strictEqual(calm.value, 31)
        assert.strictEqual(calm.faults.size, 0)
        const drawn = Array.from({ length: 300 }, (_, seed) => simulate(program, { seed }).value)
        assert.isAtLeast(Math.min(...drawn), 31)
        assert.isAtMost(Math.max(...drawn), 301)
        const average = drawn.reduce((sum, at) => sum + at, 0) / drawn.length
        // Three messages, then the later of data and FIN decides nothing.
        assert.approximately(average, mean === undefined ? 175 : 70, 20)
      }
    })

    it("the default holds for links without conditions of their own", () => {
      const program = towardsServer((seen) =>
        Effect.gen(function* () {
          yield* Network.setLink("main", "server", { latency: "5 millis" })
          yield* Network.setDefault({ latency: "50 millis", window: 3 })
          yield* write(5)
          yield* Network.healAll
          yield* write(1)
          return seen.map(({ at }) => at)
        })
      )
      // The window of 3 is the default's: the second piece waits for a round trip.
      assert.deepStrictEqual(simulate(program).value, [16, 26, 26, 1_800_171, 1_800_171])
    })
  })

  describe("bandwidth", () => {
    it("what is sent together leaves one after another", () => {
      const program = towardsServer((seen) =>
        Effect.gen(function* () {
          yield* Network.setLink("main", "server", { bandwidth: 10_000 }, { oneWay: true })
          const [one, two] = [yield* toServer, yield* toServer]
          yield* one.write(new Uint8Array(1000))
          yield* two.write(new Uint8Array(1000))
          yield* Effect.sleep("1 second")
          return seen
        })
      )
      everywhere(program, 50, ({ faults, value }) => {
        assert.deepStrictEqual(value, [
          { at: 106, size: 1000 },
          { at: 206, size: 1000 }
        ])
        assert.deepStrictEqual(Object.fromEntries(faults), { bandwidth: 2 })
      })
    })
  })

  describe("partitions", () => {
    it("a connection goes on at its next retry after the partition, with all its bytes", () => {
      const program = towardsServer((seen) =>
        Effect.gen(function* () {
          const connection = yield* toServer
          yield* Network.partition("main", "server")
          yield* connection.write(new Uint8Array(10))
          yield* connection.write(new Uint8Array(10))
          yield* Effect.sleep("1 second")
          yield* Network.heal("main", "server")
          yield* Effect.sleep("10 seconds")
          return seen
        })
      )
      // Retries 0.2, 0.6 and 1.4 s after the partition.
      everywhere(program, 50, ({ faults, value }) => {
        assert.deepStrictEqual(
          value.map(({ at }) => at),
          value.map(() => 1404)
        )
        assert.strictEqual(
          value.reduce((sum, { size }) => sum + size, 0),
          20
        )
        assert.strictEqual(faults.get("partition"), 1)
      })
    })

    it("a partition one way lets the other way through", () => {
      const program = Effect.gen(function* () {
        yield* Host.make(
          "server",
          serving(80, (connection) => connection.write(bytes("hello")))
        )
        yield* Effect.sleep("1 milli")
        const connection = yield* toServer
        yield* Network.partition("main", "server", { oneWay: true })
        const greeting = text(yield* connection.read)
        const unanswered = yield* Effect.timeoutOption(toServer, "10 seconds")
        return [greeting, unanswered._tag]
      })
      everywhere(Effect.scoped(program), 50, ({ value }) => assert.deepStrictEqual(value, ["hello", "None"]))
    })

    it("a connection that is never healed is given up after 924.6 s, one that is being made after 127 s", () => {
      const program = towardsServer(() =>
        Effect.gen(function* () {
          const connection = yield* toServer
          yield* Network.partition("main", "server")
          const started = yield* now
          const reading = yield* Effect.forkChild(timed(connection.read))
          yield* connection.write(bytes("anybody?"))
          const [connectedAt, connected] = yield* timed(toServer)
          const [readAt, read] = yield* Fiber.join(reading)
          return { connected, read, waited: [connectedAt - started, readAt - started] }
        })
      )
      everywhere(program, 20, ({ value }) => {
        failsWith(value.connected, "connect ETIMEDOUT server:80")
        failsWith(value.read, "ETIMEDOUT on the connection of main:49152 with server:80")
        assert.deepStrictEqual(value.waited, [127_000, 924_600])
      })
    })

    it("an isolated host reaches nobody, and nobody reaches it, until it rejoins", () => {
      for (const host of ["server", "main"]) {
        const program = towardsServer(() =>
          Effect.gen(function* () {
            yield* Network.isolate(host)
            const far = yield* Effect.timeoutOption(toServer, "0.5 seconds")
            yield* Network.rejoin(host)
            const near = yield* Effect.timeoutOption(toServer, "0.5 seconds")
            return [far._tag, near._tag]
          })
        )
        everywhere(program, 50, ({ faults, value }) => {
          assert.deepStrictEqual(value, ["None", "Some"])
          assert.deepStrictEqual(Object.fromEntries(faults), { partition: 1 })
        })
      }
    })

    it("healing all ends partitions, isolations, holds and conditions", () => {
      const program = towardsServer((seen) =>
        Effect.gen(function* () {
          yield* Network.partition("main", "server")
          yield* Network.isolate("main")
          yield* Network.hold("main", "server")
          yield* Network.setLink("main", "server", { loss: 1, blackHole: true })
          yield* Network.healAll
          yield* write(10)
          return seen
        })
      )
      everywhere(program, 50, ({ faults, value }) => {
        assert.deepStrictEqual(value[0], { at: 4, size: 10 })
        assert.strictEqual(faults.size, 0)
      })
    })
  })

  describe("hold and release", () => {
    it("what was held arrives together after the release, in order", () => {
      const program = towardsServer((seen) =>
        Effect.gen(function* () {
          const connection = yield* toServer
          yield* Effect.sleep("1 second")
          yield* Network.hold("main", "server", { oneWay: true })
          for (let size = 1; size <= 3; size++) {
            yield* connection.write(new Uint8Array(size))
            yield* Effect.sleep("1 second")
          }
          yield* Network.release("main", "server", { oneWay: true })
          yield* Effect.sleep("1 second")
          return seen
        })
      )
      everywhere(program, 50, ({ faults, value }) => {
        assert.strictEqual(
          value.reduce((sum, { size }) => sum + size, 0),
          6
        )
        assert.isTrue(value.every(({ at }) => at === 4004))
        assert.deepStrictEqual(Object.fromEntries(faults), { hold: 3 })
      })
    })
  })

  describe("mistakes", () => {
    it("conditions that make no sense are defects that say so", () => {
      const mistakes: ReadonlyArray<readonly [Network.Conditions, string]> = [
        [{ loss: 1.5 }, "loss is a chance from 0 to 1, not 1.5"],
        [{ window: 0 }, "window is a number of bytes, at least 1, not 0"],
        [{ readAtMost: 0.5 }, "readAtMost is a number of bytes, at least 1, not 0.5"],
        [{ bandwidth: 0 }, "bandwidth is in bytes per second, more than 0, not 0"],
        [{ resetAfter: -1 }, "resetAfter is a number of bytes, not -1"],
        [{ drip: { bytes: 0, every: "1 second" } }, "drip.bytes is at least 1"],
        [{ latency: "Infinity" }, "a latency is finite and not negative"],
        [{ latency: { min: "2 millis", max: "1 millis" } }, "of a latency, min < mean <= max"]
      ]
      for (const [conditions, text] of mistakes) {
        failsWith(simulate(Effect.exit(Network.setDefault(conditions))).value, text)
      }
    })

    it("a host that nobody made is a defect, not a fault that never takes effect", () => {
      failsWith(simulate(Effect.exit(Network.partition("main", "sever"))).value, 'there is no host "sever"')
      failsWith(
        simulate(Effect.exit(Network.send({ host: "sever", port: 1 }, 1))).value,
        'there is no host "sever"'
      )
    })
  })
})
