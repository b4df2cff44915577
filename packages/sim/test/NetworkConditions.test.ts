import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import * as Host from "../src/Host.ts"
import * as Network from "../src/Network.ts"
import { serving, toServer, towardsServer, write } from "./network/hosts.ts"
import { bytes, everywhere, failsWith, faultsOf, simulate, timed } from "./network/simulate.ts"

describe("conditions of connections", { timeout: 120_000 }, () => {
  it("a link that refuses does so after a round trip", () => {
    const program = towardsServer(() =>
      Effect.gen(function* () {
        yield* Network.setLink("main", "server", { refuse: true })
        const refused = yield* timed(toServer)
        yield* Network.setLink("main", "server", {})
        return { refused, accepted: yield* Effect.exit(toServer) }
      })
    )
    everywhere(program, 50, ({ faults, value }) => {
      assert.strictEqual(value.refused[0], 3)
      failsWith(value.refused[1], "connect ECONNREFUSED server:80")
      assert.isTrue(Exit.isSuccess(value.accepted))
      assert.deepStrictEqual(Object.fromEntries(faults), { refuse: 1 })
    })
  })

  it("a reset reaches both sides at once, and drops what is on its way", () => {
    const program = Effect.gen(function* () {
      const seen: Array<unknown> = []
      const note = (who: string) => (result: readonly [number, Exit.Exit<unknown, unknown>]) => {
        seen.push([who, result[0], Exit.isFailure(result[1])])
      }
      yield* Host.make(
        "server",
        serving(80, ({ read }) => Effect.map(timed(read), note("server")))
      )
      yield* Effect.sleep("1 milli")
      const connection = yield* toServer
      yield* Effect.sleep("10 millis")
      yield* connection.write(bytes("never arrives"))
      yield* Network.reset("server", "main")
      note("main")(yield* timed(connection.read))
      yield* Effect.sleep("1 second")
      return seen
    })
    everywhere(Effect.scoped(program), 50, ({ faults, value }) => {
      assert.sameDeepMembers(value, [
        ["main", 13, true],
        ["server", 13, true]
      ])
      assert.deepStrictEqual(Object.fromEntries(faults), { reset: 1 })
    })
  })

  it("a connection that is reset after some bytes has delivered just these", () => {
    const program = towardsServer((seen) =>
      Effect.gen(function* () {
        yield* Network.setLink("main", "server", { resetAfter: 25 }, { oneWay: true })
        const connection = yield* toServer
        for (let sent = 0; sent < 3; sent++) yield* connection.write(new Uint8Array(10))
        const failed = yield* Effect.exit(connection.read)
        return { failed, seen }
      })
    )
    everywhere(program, 50, ({ faults, value }) => {
      failsWith(value.failed, "ECONNRESET on the connection of main:49152 with server:80")
      assert.strictEqual(
        value.seen.reduce((sum, { size }) => sum + size, 0),
        25
      )
      assert.deepStrictEqual(faultsOf({ faults }), { reset: 1 })
    })
  })

  it("a black hole lets connections be made, and then nothing arrives", () => {
    const program = towardsServer((seen) =>
      Effect.gen(function* () {
        yield* Network.setLink("main", "server", { blackHole: true, window: 100 }, { oneWay: true })
        const connection = yield* toServer
        yield* connection.write(new Uint8Array(100))
        const full = yield* Effect.timeoutOption(connection.write(new Uint8Array(1)), "1 minute")
        yield* Network.send({ host: "server", port: 7 }, "neither")
        return [seen, full._tag]
      })
    )
    everywhere(program, 50, ({ faults, value }) => {
      assert.deepStrictEqual(value, [[], "None"])
      // The bytes, the datagram, and the reset when the scope closes.
      assert.deepStrictEqual(Object.fromEntries(faults), { blackHole: 3 })
    })
  })

  it("a slow drip delivers so many bytes in each interval", () => {
    const program = towardsServer((seen) =>
      Effect.gen(function* () {
        yield* Network.setLink("main", "server", { drip: { bytes: 4, every: "1 second" } })
        yield* write(10)
        return seen
      })
    )
    everywhere(program, 50, ({ faults, value }) => {
      assert.deepStrictEqual(value, [
        { at: 4, size: 4 },
        { at: 1004, size: 4 },
        { at: 2004, size: 2 },
        { at: 3004, size: 0 }
      ])
      assert.deepStrictEqual(Object.fromEntries(faults), { drip: 2 })
    })
  })

  it("reads give at most so many bytes, and fewer when that is drawn", () => {
    const program = towardsServer((seen) =>
      Effect.gen(function* () {
        yield* Network.setLink("main", "server", { readAtMost: 4 }, { oneWay: true })
        yield* write(10)
        return seen.map(({ size }) => size)
      })
    )
    assert.deepStrictEqual(simulate(program).value, [4, 4, 2, 0])
    assert.deepStrictEqual(faultsOf(simulate(program)), { partialRead: 2 })
    const sizes = new Set<number>()
    everywhere(program, 50, ({ value }) => {
      assert.strictEqual(
        value.reduce((sum, size) => sum + size, 0),
        10
      )
      for (const size of value) sizes.add(size)
    })
    assert.sameMembers(Array.from(sizes), [0, 1, 2, 3, 4])
  })

  it("lost segments of a connection arrive later, and all connections are made", () => {
    const program = towardsServer((seen) =>
      Effect.gen(function* () {
        yield* Network.setLink("main", "server", { loss: 0.3 })
        yield* write(10)
        return seen
      })
    )
    const late = new Set<number>()
    everywhere(program, 300, ({ value }) => {
      assert.strictEqual(value[0]?.size, 10)
      if (value[0] !== undefined) late.add(value[0].at)
    })
    assert.isAbove(late.size, 3)
  })
})
