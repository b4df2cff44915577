import { assert, describe, it } from "@effect/vitest"
import { Host, Network, SimSocket, Simulation } from "@holdfast/sim"
import { Cause, Clock, Effect, Exit, Fiber, type Scope } from "effect"
import { Socket } from "effect/socket"

const value = <A, E>(program: Effect.Effect<A, E, Scope.Scope>, options?: Simulation.Options): A => {
  const { exit } = Simulation.run(Effect.scoped(program), options)
  return Exit.isSuccess(exit) ? exit.value : assert.fail(Cause.pretty(exit.cause))
}

/** Serves each connection on port 80 until its scope closes. */
const serving = <E>(serve: (socket: Socket.Socket) => Effect.Effect<unknown, E>) =>
  Effect.scoped(Effect.flatMap(SimSocket.makeServer({ port: 80 }), ({ run }) => run(serve)))

/** Accepts, and reads nothing. */
const idle = serving((socket) => Effect.scoped(Effect.andThen(socket.reader, Effect.never)))

const connection = Effect.gen(function* () {
  const socket = yield* SimSocket.make({ host: "b", port: 80 })
  const { pull } = yield* socket.reader
  const { write } = yield* socket.writer
  return { pull, write }
})

describe("a read that is interrupted", () => {
  const counting = serving((socket) =>
    Effect.scoped(
      Effect.gen(function* () {
        yield* socket.reader
        const { write } = yield* socket.writer
        for (let i = 0; i < 5; i++) {
          yield* write(new Uint8Array([i]))
          yield* Effect.sleep("10 millis")
        }
        return yield* Effect.never
      })
    )
  )

  const readWith = (patienceMillis: number) =>
    Effect.gen(function* () {
      yield* Host.make("b", counting)
      yield* Effect.sleep("5 millis")
      const { pull } = yield* connection
      const got: Array<unknown> = []
      for (let i = 0; i < 60 && got.length < 5; i++) {
        const read = yield* Effect.timeoutOption(pull, patienceMillis)
        if (read._tag === "Some") for (const chunk of read.value) got.push(...chunk)
      }
      return got.join()
    })

  it("Given a time-out at the instants at which bytes arrive, When it interrupts a read, Then none is lost", () => {
    for (const level of ["anywhere", "realistic"] as const) {
      assert.strictEqual(value(readWith(5), { level }), "0,1,2,3,4")
    }
    // Anywhere, a time-out may be preferred to a read that has ended just now, as with a Queue of Effect's own.
    for (let seed = 0; seed < 100; seed++) {
      assert.strictEqual(value(readWith(10), { level: "realistic", seed }), "0,1,2,3,4", `seed ${seed}`)
    }
  })
})

/** What Node.js calls the reason of a socket's error. */
const codeOf = (cause: Cause.Cause<Socket.SocketError>): string => {
  const error = Cause.squash(cause)
  if (!(error instanceof Socket.SocketError)) return String(error)
  const { reason } = error
  return "cause" in reason && reason.cause instanceof Network.ConnectionLost ? reason.cause.code : reason._tag
}

describe("a writer whose other side has no room", () => {
  /** When, and with what, a write ends that has no room. */
  const stuck = (meanwhile: (b: Host.Host) => Effect.Effect<void>) =>
    Effect.gen(function* () {
      const b = yield* Host.make("b", idle)
      yield* Effect.sleep("5 millis")
      const { write } = yield* connection
      const writing = yield* Effect.forkScoped(Effect.exit(write(new Uint8Array(100_000))))
      yield* Effect.sleep("1 second")
      yield* meanwhile(b)
      const exit = yield* Fiber.join(writing)
      const seconds = (yield* Clock.currentTimeMillis) / 1000
      return `${Exit.isFailure(exit) ? codeOf(exit.cause) : "written"} after ${Math.round(seconds)} s`
    })

  it("Given one, When the other side crashes, Then it learns so after some 15 minutes", () => {
    assert.match(value(stuck((b) => b.crash)), /ETIMEDOUT.*after 926 s/s)
  })

  it("Given one, When the other side crashes and starts again, Then it is reset soon", () => {
    assert.match(value(stuck((b) => b.restart)), /ECONNRESET.*after 1 s/s)
    const later = (b: Host.Host) => Effect.andThen(b.crash, Effect.delay(b.restart, "1 minute"))
    assert.match(value(stuck(later)), /ECONNRESET.*after 103 s/s)
  })

  it("Given one, When the other side closes without having read, Then it is reset", () => {
    const closing = serving((socket) =>
      Effect.scoped(Effect.andThen(socket.reader, Effect.sleep("1 second")))
    )
    const program = Effect.gen(function* () {
      yield* Host.make("b", closing)
      yield* Effect.sleep("5 millis")
      const { write } = yield* connection
      return Exit.isFailure(yield* Effect.exit(write(new Uint8Array(100_000))))
    })
    assert.isTrue(value(program))
  })

  it("Given one that crashes, When its server goes down, Then the server ends", () => {
    const flooding = serving((socket) =>
      Effect.scoped(
        Effect.gen(function* () {
          yield* socket.reader
          const { write } = yield* socket.writer
          yield* write(new Uint8Array(100_000))
        })
      )
    )
    const program = Effect.gen(function* () {
      const b = yield* Host.make("b", Effect.raceFirst(flooding, Effect.sleep("2 seconds")))
      const client = yield* Host.make("client")
      yield* Effect.sleep("5 millis")
      yield* Effect.forkScoped(client.run(Effect.andThen(connection, Effect.never)))
      yield* Effect.sleep("1 second")
      yield* client.crash
      return (yield* b.exited)._tag
    })
    assert.strictEqual(value(program), "Exited")
  })
})

describe("a link that becomes faster", () => {
  it("Given bytes that queue for more than an hour, When the bandwidth is raised, Then others need not wait for them", () => {
    const program = Effect.gen(function* () {
      yield* Host.make("b", idle)
      yield* Effect.sleep("5 millis")
      yield* Network.setLink("main", "b", { bandwidth: 10 })
      const { write } = yield* connection
      yield* write(new Uint8Array(50_000))
      yield* Network.setLink("main", "b", { bandwidth: 1e9 })
      const before = yield* Clock.currentTimeMillis
      yield* connection
      return (yield* Clock.currentTimeMillis) - before
    })
    assert.isBelow(value(program), 10)
  })
})

describe("datagrams", () => {
  it("Given a function, When it is sent, Then it dies, because hosts share no memory", () => {
    const { exit } = Simulation.run(Network.send({ host: "main", port: 1 }, () => 5))
    assert.match(String(exit), /DataCloneError/)
  })
})
