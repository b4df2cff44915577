import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Queue, Stream } from "effect"
import * as Host from "../src/Host.ts"
import * as Network from "../src/Network.ts"
import { everywhere, failsWith, faultsOf, now, simulate } from "./network/simulate.ts"

const there = { host: "there", port: 7 }

/** Sends the numbers from 0 to another host under some conditions, and gives those that arrive, in order. */
const sending = (count: number, conditions: Network.Conditions) =>
  Effect.gen(function* () {
    const arrived: Array<number> = []
    yield* Host.make(
      "there",
      Effect.gen(function* () {
        const { messages } = yield* Network.mailbox<number>(7)
        while (true) arrived.push((yield* Queue.take(messages)).payload)
      })
    )
    yield* Effect.sleep("1 milli")
    yield* Network.setLink("main", "there", conditions)
    for (let number = 0; number < count; number++) yield* Network.send(there, number)
    yield* Effect.sleep("1 minute")
    return arrived
  })

const numbers = (count: number) => Array.from({ length: count }, (_, index) => index)

describe("datagrams over the simulated network", { timeout: 120_000 }, () => {
  it("arrive after the latency, in the order in which they were sent", () => {
    everywhere(sending(20, {}), 100, ({ faults, value }) => {
      assert.deepStrictEqual(value, numbers(20))
      assert.strictEqual(faults.size, 0)
    })
  })

  it("a latency that is drawn delays them, and does not reorder them", () => {
    let delayed = 0
    everywhere(sending(20, { latency: { min: "1 millis", max: "50 millis" } }), 100, ({ faults, value }) => {
      assert.deepStrictEqual(value, numbers(20))
      delayed += faults.get("latency") ?? 0
    })
    assert.isAbove(delayed, 1000)
  })

  it("are lost as often as the chance says, and each loss counts", () => {
    let lost = 0
    everywhere(sending(20, { loss: 0.25 }), 100, ({ faults, value }, seed) => {
      assert.strictEqual(value.length + (faults.get("loss") ?? 0), 20)
      if (seed === undefined) assert.strictEqual(value.length, 20)
      lost += faults.get("loss") ?? 0
    })
    assert.approximately(lost / 2000, 0.25, 0.05)
  })

  it("all are lost when the chance is 1, also in the calm run", () => {
    const { faults, value } = simulate(sending(3, { loss: 1 }))
    assert.deepStrictEqual(value, [])
    assert.deepStrictEqual(faultsOf({ faults }), { loss: 3 })
  })

  it("come twice as often as the chance says, and each copy counts", () => {
    let copies = 0
    everywhere(sending(20, { duplication: 0.25 }), 100, ({ faults, value }) => {
      assert.strictEqual(value.length - (faults.get("duplicate") ?? 0), 20)
      assert.deepStrictEqual(Array.from(new Set(value)), numbers(20))
      copies += faults.get("duplicate") ?? 0
    })
    assert.approximately(copies / 2000, 0.25, 0.05)
  })

  it("are overtaken under reordering, and each one that is overtaken counts", () => {
    let overtaken = 0
    everywhere(sending(20, { reordering: 0.25 }), 100, ({ faults, value }, seed) => {
      assert.sameMembers(Array.from(value), numbers(20))
      if (seed === undefined) assert.deepStrictEqual(value, numbers(20))
      const late = value.filter((number, at) => value.slice(0, at).some((earlier) => earlier > number))
      assert.strictEqual(late.length, faults.get("reorder") ?? 0)
      overtaken += late.length
    })
    assert.isAbove(overtaken, 200)
  })

  it("are lost in a partition and kept back by a hold", () => {
    const program = Effect.gen(function* () {
      const arrived: Array<readonly [number, unknown]> = []
      yield* Host.make(
        "there",
        Effect.gen(function* () {
          const { messages } = yield* Network.mailbox(7)
          while (true) {
            const { payload } = yield* Queue.take(messages)
            arrived.push([yield* now, payload])
          }
        })
      )
      yield* Effect.sleep("1 milli")
      yield* Network.partition("main", "there")
      yield* Network.send(there, "lost")
      yield* Network.heal("main", "there")
      yield* Network.hold("main", "there")
      yield* Network.send(there, "first")
      yield* Network.send(there, "second")
      yield* Effect.sleep("1 second")
      yield* Network.release("main", "there")
      yield* Network.send(there, "third")
      yield* Effect.sleep("1 second")
      return arrived.map(([at, payload]) => [Math.floor(at), payload])
    })
    everywhere(program, 100, ({ faults, value }) => {
      assert.deepStrictEqual(value, [
        [1002, "first"],
        [1002, "second"],
        [1002, "third"]
      ])
      assert.deepStrictEqual(faultsOf({ faults }), { partition: 1, hold: 2 })
    })
  })

  it("are lost on the way from and to an isolated host", () => {
    for (const host of ["main", "there"]) {
      const program = Effect.gen(function* () {
        yield* Host.make("there")
        yield* Network.isolate(host)
        yield* Network.send(there, "lost")
        yield* Network.send({ host: "main", port: 7 }, "to itself")
        return yield* Effect.sleep("1 second")
      })
      everywhere(program, 10, ({ faults }) => assert.deepStrictEqual(faultsOf({ faults }), { partition: 1 }))
    }
  })

  it("can be answered, because the sender's mailbox is known", () => {
    const program = Effect.gen(function* () {
      yield* Host.make(
        "there",
        Effect.gen(function* () {
          const { messages, send } = yield* Network.mailbox<number>(7)
          yield* Stream.fromQueue(messages).pipe(
            Stream.runForEach(({ from, payload }) => send(from, payload + 1))
          )
        })
      )
      yield* Effect.sleep("1 milli")
      const { address, messages, send } = yield* Network.mailbox<number>(0)
      yield* send(there, 41)
      const { from, payload } = yield* Queue.take(messages)
      return { address, from, payload }
    })
    everywhere(Effect.scoped(program), 100, ({ value }) => {
      assert.deepStrictEqual(value, { address: { host: "main", port: 49_152 }, from: there, payload: 42 })
    })
  })

  it("hosts share no memory: what arrives is a copy of what was sent", () => {
    const program = Effect.gen(function* () {
      const { messages, send } = yield* Network.mailbox<{ items: Array<number> }>(7)
      const sent = { items: [1] }
      yield* send({ host: "localhost", port: 7 }, sent)
      sent.items.push(2)
      const { payload } = yield* Queue.take(messages)
      return { payload, isSame: payload === sent }
    })
    everywhere(Effect.scoped(program), 10, ({ value }) => {
      assert.deepStrictEqual(value, { payload: { items: [1] }, isSame: false })
    })
  })

  it("are lost where nobody has a mailbox, where it is full, and while the host is down", () => {
    const program = Effect.gen(function* () {
      let arrived = 0
      const host = yield* Host.make(
        "there",
        Effect.gen(function* () {
          const { messages } = yield* Network.mailbox(7)
          yield* Effect.sleep("1 second")
          while (true) {
            yield* Queue.take(messages)
            arrived++
          }
        })
      )
      yield* Effect.sleep("1 milli")
      yield* Network.send({ host: "there", port: 8 }, "nobody")
      for (let count = 0; count < 1100; count++) yield* Network.send(there, count)
      yield* Effect.sleep("2 seconds")
      const kept = arrived
      yield* host.crash
      yield* Network.send(there, "down")
      yield* Effect.sleep("1 second")
      yield* host.restart
      yield* Effect.sleep("1 milli")
      yield* Network.send(there, "up again")
      yield* Effect.sleep("2 seconds")
      return [kept, arrived]
    })
    everywhere(program, 10, ({ value }) => assert.deepStrictEqual(value, [1024, 1025]))
  })

  it("a mailbox has its port alone until its scope closes", () => {
    const program = Effect.gen(function* () {
      const twice = yield* Effect.exit(Effect.scoped(Effect.andThen(Network.mailbox(7), Network.mailbox(7))))
      const again = yield* Effect.exit(Effect.scoped(Network.mailbox(7)))
      return { twice, again }
    })
    const { value } = simulate(program)
    failsWith(value.twice, "EADDRINUSE main:7")
    assert.isTrue(Exit.isSuccess(value.again))
  })
})
