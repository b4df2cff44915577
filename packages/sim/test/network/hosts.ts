import { Effect, type Scope } from "effect"
import * as Host from "../../src/Host.ts"
import { type Connection, connect, listen } from "../../src/internal/network/connection.ts"
import { now } from "./simulate.ts"

/** A host's program that accepts one connection after another, and does something with each. */
export const serving = <E>(
  port: number,
  use: (connection: Connection) => Effect.Effect<unknown, E>
): Effect.Effect<never, unknown> =>
  Effect.scoped(
    Effect.flatMap(listen(port), ({ accept }) =>
      Effect.forever(Effect.flatMap(accept, (connection) => Effect.forkChild(use(connection))))
    )
  )

/** All bytes to the end of the stream. */
export const readAll = ({ read }: Connection) =>
  Effect.gen(function* () {
    const all: Array<number> = []
    while (true) {
      const bytes = yield* read
      if (bytes === undefined) return Uint8Array.from(all)
      for (const byte of bytes) all.push(byte)
    }
  })

export interface Arrival {
  readonly at: number
  readonly size: number
}

/** When how many bytes were read, to the end or the loss of the connection. */
const arrivals = (connection: Connection, into: Array<Arrival>) =>
  Effect.gen(function* () {
    while (true) {
      const bytes = yield* connection.read
      into.push({ at: yield* now, size: bytes?.length ?? 0 })
      if (bytes === undefined) return yield* connection.end
    }
  })

export const echo = (connection: Connection) =>
  Effect.gen(function* () {
    while (true) {
      const bytes = yield* connection.read
      if (bytes === undefined) return yield* connection.end
      yield* connection.write(bytes)
    }
  })

export const toServer = connect({ host: "server", port: 80 })

/** Byte i is i modulo 251, so that a byte in the wrong place shows. */
export const pattern = (length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => index % 251)

/** What arrives on a host "server", and what the test does beside it. */
export const towardsServer = <A, E>(use: (seen: Array<Arrival>) => Effect.Effect<A, E, Scope.Scope>) =>
  Effect.gen(function* () {
    const seen: Array<Arrival> = []
    yield* Host.make(
      "server",
      serving(80, (connection) => arrivals(connection, seen))
    )
    yield* Effect.sleep("1 milli")
    return yield* Effect.scoped(use(seen))
  })

/** Writes so many bytes to the server and gives it half an hour. */
export const write = (size: number) =>
  Effect.gen(function* () {
    const connection = yield* toServer
    yield* connection.write(new Uint8Array(size))
    yield* connection.end
    yield* Effect.sleep("30 minutes")
  })
