import { Effect, Queue, Random } from "effect"
import * as Host from "../../src/Host.ts"
import { type Connection, connect } from "../../src/internal/network/connection.ts"
import * as Network from "../../src/Network.ts"
import { echo, pattern, readAll, serving, toServer } from "./hosts.ts"
import { bytes } from "./simulate.ts"

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

/** Sends bytes to a host and back, over links that do their worst, and gives what came back. */
export const exchange = (size: number) =>
  Effect.gen(function* () {
    yield* Host.make("server", serving(80, echo))
    yield* Effect.sleep("1 milli")
    yield* Network.setLink("main", "server", worst)
    const connection = yield* toServer
    yield* Effect.forkChild(unrest)
    yield* Effect.forkChild(writeInPieces(connection, pattern(size)))
    return yield* readAll(connection)
  }).pipe(Effect.scoped)

/** Hosts that talk to each other while the test crashes, pauses and restarts them. */
export const turmoil = Effect.gen(function* () {
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
      return yield* Effect.forever(Effect.andThen(talk(name, peer), Effect.sleep("10 millis")))
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
