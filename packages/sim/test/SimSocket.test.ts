import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Option, Schedule, Scope, Stream } from "effect"
import { NetAddress } from "effect/net"
import { Socket, type SocketServer } from "effect/socket"
import * as Host from "../src/Host.ts"
import * as Network from "../src/Network.ts"
import * as SimSocket from "../src/SimSocket.ts"
import { bytes, everywhere, failsWith, now, simulate, timed } from "./network/simulate.ts"

const address = { host: "server", port: 80 }

const decoder = new TextDecoder()

const textOf = (chunks: ReadonlyArray<Uint8Array | string>): string =>
  chunks.map((chunk) => (typeof chunk === "string" ? chunk : decoder.decode(chunk))).join("")

/** A host "server" with a handler for its sockets, and a client's socket. */
const withServer = <A, E>(
  handler: (socket: Socket.Socket) => Effect.Effect<unknown, unknown>,
  use: (socket: Socket.Socket, server: Host.Host) => Effect.Effect<A, E, Scope.Scope>,
  options?: SimSocket.Options
) =>
  Effect.gen(function* () {
    const server = yield* Host.make(
      "server",
      Effect.flatMap(SimSocket.makeServer({ port: 80 }), ({ run }) => run(handler))
    )
    yield* Effect.sleep("1 milli")
    return yield* use(yield* SimSocket.make(address, options), server)
  }).pipe(Effect.scoped)

const echo = (socket: Socket.Socket) =>
  Effect.gen(function* () {
    const { pull } = yield* socket.reader
    const { writeAll } = yield* socket.writer
    while (true) yield* writeAll(yield* pull)
  }).pipe(Effect.scoped)

/** Why the socket of a handler ended, and when. */
const watching = (ends: Array<readonly [number, Exit.Exit<unknown, unknown>]>) => (socket: Socket.Socket) =>
  Effect.gen(function* () {
    const { pull } = yield* socket.reader
    ends.push(yield* timed(Effect.forever(pull)))
  }).pipe(Effect.scoped)

const errorOf = (exit: Exit.Exit<unknown, unknown>) => {
  const fail = Exit.isFailure(exit) ? exit.cause.reasons.find((reason) => reason._tag === "Fail") : undefined
  return Socket.isSocketError(fail?.error) ? fail.error.reason : undefined
}

const reasonOf = (exit: Exit.Exit<unknown, unknown>): string => {
  const reason = errorOf(exit)
  return reason?._tag === "SocketCloseError" ? `${reason._tag} ${reason.code}` : (reason?._tag ?? "none")
}

const causeOf = (exit: Exit.Exit<unknown, unknown>): unknown => {
  const reason = errorOf(exit)
  return reason !== undefined && "cause" in reason ? reason.cause : undefined
}

describe("SimSocket", { timeout: 120_000 }, () => {
  it("acquiring the reader connects, each time anew", () => {
    const program = withServer(echo, (socket) =>
      Effect.gen(function* () {
        const { write, writeAll } = yield* socket.writer
        const answers: Array<string> = []
        for (const word of ["one", "two"]) {
          answers.push(
            yield* Effect.scoped(
              Effect.gen(function* () {
                const { pull } = yield* socket.reader
                yield* word === "one" ? write(word) : writeAll(["t", bytes("wo")])
                return textOf(yield* pull)
              })
            )
          )
        }
        return answers
      })
    )
    everywhere(program, 100, ({ value }) => assert.deepStrictEqual(value, ["one", "two"]))
  })

  it("a write waits until there is a connection", () => {
    const program = withServer(echo, (socket) =>
      Effect.gen(function* () {
        const { write } = yield* socket.writer
        const writing = yield* Effect.forkChild(Effect.andThen(write("early"), now))
        yield* Effect.sleep("1 second")
        const { pull } = yield* socket.reader
        return [textOf(yield* pull), yield* Fiber.join(writing)]
      })
    )
    everywhere(program, 100, ({ value }) => assert.deepStrictEqual(value, ["early", 1003]))
  })

  it("a connection that is refused is an open error after a round trip; a retry reaches a later server", () => {
    const program = Effect.gen(function* () {
      const server = yield* Host.make("server")
      const socket = yield* SimSocket.make(address)
      const refused = yield* timed(Effect.scoped(socket.reader))
      yield* Effect.forkChild(
        server.run(Effect.flatMap(SimSocket.makeServer({ port: 80 }), ({ run }) => run(echo)))
      )
      yield* Effect.retry(Effect.scoped(socket.reader), Schedule.spaced("100 millis"))
      return refused
    })
    everywhere(program, 100, ({ value: [at, exit] }) => {
      assert.strictEqual(at, 2)
      assert.strictEqual(reasonOf(exit), "SocketOpenError")
      assert.deepInclude(causeOf(exit), { _tag: "ConnectFailed", reason: "Refused", code: "ECONNREFUSED" })
    })
  })

  it("an open time-out is an open error of the kind Timeout", () => {
    const program = withServer(
      echo,
      (socket) => Effect.andThen(Network.partition("main", "server"), timed(socket.reader)),
      { openTimeout: "3 seconds" }
    )
    everywhere(program, 50, ({ value: [at, exit] }) => {
      assert.strictEqual(at, 3001)
      failsWith(exit, 'timeout waiting for "open"')
    })
  })

  it("closing the reader's scope fails a pending pull with 1006, and the server sees the end with 1000", () => {
    const ends: Array<readonly [number, Exit.Exit<unknown, unknown>]> = []
    const program = withServer(watching(ends), (socket) =>
      Effect.gen(function* () {
        ends.length = 0
        const scope = yield* Scope.make()
        const { pull } = yield* Scope.provide(socket.reader, scope)
        const pulling = yield* Effect.forkChild(pull)
        yield* Effect.sleep("10 millis")
        yield* Scope.close(scope, Exit.void)
        const pulled = yield* Fiber.await(pulling)
        yield* Effect.sleep("1 second")
        return { pulled, ends: ends.map(([at, exit]) => [at, reasonOf(exit)]) }
      })
    )
    everywhere(program, 100, ({ value }) => {
      assert.strictEqual(reasonOf(value.pulled), "SocketCloseError 1006")
      assert.deepStrictEqual(value.ends, [[14, "SocketCloseError 1000"]])
    })
  })

  it("releasing the writer ends one direction; the other side answers at once or not at all", () => {
    const program = (pause: number) =>
      withServer(
        (socket) =>
          Effect.gen(function* () {
            const { pull } = yield* socket.reader
            const { writeAll } = yield* socket.writer
            const question = yield* pull
            if (pause > 0) yield* Effect.sleep(pause)
            yield* writeAll(question)
          }).pipe(Effect.scoped),
        (socket) =>
          Effect.gen(function* () {
            const { pull } = yield* socket.reader
            yield* Effect.scoped(Effect.flatMap(socket.writer, ({ write }) => write("bye")))
            const answer = yield* Effect.option(pull)
            return [
              Option.map(answer, textOf),
              reasonOf(yield* Effect.exit(pull)),
              reasonOf(yield* Effect.exit(pull))
            ]
          })
      )
    const ends = ["SocketCloseError 1000", "SocketCloseError 1000"]
    // Between two operations of one slice only the level "anywhere" finds room for the end to come first.
    everywhere(
      program(0),
      100,
      ({ value }) => assert.deepStrictEqual(value, [Option.some("bye"), ...ends]),
      "realistic"
    )
    // A socket of Node.js ends with the other side by default (`allowHalfOpen: false`).
    everywhere(program(10), 100, ({ value }) => assert.deepStrictEqual(value, [Option.none(), ...ends]))
  })

  it("a close event ends the connection on both sides; above 1000 it is an error on this side", () => {
    for (const [code, reason] of [
      [1000, "SocketCloseError 1000"],
      [1009, "SocketReadError"]
    ] as const) {
      const ends: Array<readonly [number, Exit.Exit<unknown, unknown>]> = []
      const program = withServer(watching(ends), (socket) =>
        Effect.gen(function* () {
          ends.length = 0
          const { pull } = yield* socket.reader
          const { write } = yield* socket.writer
          const pulling = yield* Effect.forkChild(pull)
          yield* write(new Socket.CloseEvent(code))
          const pulled = yield* Fiber.await(pulling)
          const written = reasonOf(yield* Effect.exit(write("more")))
          yield* Effect.sleep("1 second")
          return [reasonOf(pulled), written, ends.map(([, exit]) => reasonOf(exit))]
        })
      )
      everywhere(program, 100, ({ value }) =>
        assert.deepStrictEqual(value, [reason, "SocketWriteError", ["SocketCloseError 1000"]])
      )
    }
  })

  it("who writes after the end of its own side loses the other side too", () => {
    const program = withServer(
      (socket) => Effect.scoped(Effect.andThen(socket.reader, Effect.never)),
      (socket) =>
        Effect.gen(function* () {
          const { pull } = yield* socket.reader
          const { write } = yield* Effect.scoped(socket.writer)
          return [reasonOf(yield* Effect.exit(write("more"))), reasonOf(yield* Effect.exit(pull))]
        })
    )
    everywhere(program, 100, ({ value }) =>
      assert.deepStrictEqual(value, ["SocketWriteError", "SocketReadError"])
    )
  })

  it("a reset is a read error with its cause, and a write then fails too", () => {
    const program = withServer(echo, (socket) =>
      Effect.gen(function* () {
        const { pull } = yield* socket.reader
        const { write } = yield* socket.writer
        yield* Network.reset("main", "server")
        const pulled = yield* Effect.exit(pull)
        return { pulled, written: reasonOf(yield* Effect.exit(write("more"))) }
      })
    )
    everywhere(program, 100, ({ value }) => {
      assert.strictEqual(reasonOf(value.pulled), "SocketReadError")
      assert.deepInclude(causeOf(value.pulled), {
        _tag: "ConnectionLost",
        reason: "Reset",
        code: "ECONNRESET"
      })
      assert.strictEqual(value.written, "SocketWriteError")
    })
  })

  it("there is no TLS to upgrade to", () => {
    const program = withServer(echo, (socket) =>
      Effect.flatMap(socket.reader, ({ upgrade }) => Effect.exit(upgrade()))
    )
    assert.strictEqual(reasonOf(simulate(program).value), "SocketUpgradeError")
  })

  it("works as a channel and a stream of Effect's", () => {
    const program = withServer(echo, (socket) =>
      Stream.make(bytes("hel"), bytes("lo")).pipe(
        Stream.pipeThroughChannel(Socket.toChannel(socket)),
        Stream.decodeText,
        Stream.catch(() => Stream.empty),
        Stream.mkString
      )
    )
    everywhere(program, 100, ({ value }) => assert.strictEqual(value, "hello"), "realistic")
  })

  it("a handler that fails or dies harms no other connection, and its own is closed", () => {
    const dying = (socket: Socket.Socket) =>
      Effect.scoped(
        Effect.flatMap(socket.reader, ({ pull }) =>
          Effect.flatMap(pull, (chunks) =>
            textOf(chunks) === "die" ? Effect.die(new Error("as asked")) : echoOnce(socket, chunks)
          )
        )
      )
    const ask = (socket: Socket.Socket, word: string) =>
      Effect.scoped(
        Effect.gen(function* () {
          const { pull } = yield* socket.reader
          const { write } = yield* socket.writer
          yield* write(word)
          return textOf(yield* pull)
        })
      )
    const program = withServer(dying, (socket) =>
      Effect.gen(function* () {
        const other = yield* SimSocket.make(address)
        const [died, answered] = yield* Effect.all([Effect.exit(ask(socket, "die")), ask(other, "live")], {
          concurrency: 2
        })
        return [reasonOf(died), answered]
      })
    )
    everywhere(program, 100, ({ value }) => assert.deepStrictEqual(value, ["SocketCloseError 1000", "live"]))
  })

  it("interrupting the server ends its connections, and its port is free when its scope has closed", () => {
    const program = Effect.gen(function* () {
      const host = yield* Host.make("server")
      const addresses: Array<SocketServer.SocketServer["Service"]["address"]> = []
      const serve = Effect.flatMap(SimSocket.makeServer({ port: 80 }), ({ address, run }) => {
        addresses.push(address)
        return run(echo)
      })
      const socket = yield* SimSocket.make(address)
      for (let round = 0; round < 2; round++) {
        const serving = yield* Effect.forkChild(host.run(serve))
        yield* Effect.sleep("1 second")
        yield* Effect.scoped(
          Effect.flatMap(socket.reader, ({ pull }) =>
            Effect.andThen(Fiber.interrupt(serving), Effect.flip(pull))
          )
        )
      }
      return addresses.map(NetAddress.formatSocketAddress)
    })
    everywhere(program, 100, ({ value }) => assert.deepStrictEqual(value, ["10.0.0.1:80", "10.0.0.1:80"]))
  })

  it("no connection is forgotten when the server is interrupted as it arrives", () => {
    const program = Effect.gen(function* () {
      const host = yield* Host.make("server")
      const serve = Effect.flatMap(SimSocket.makeServer({ port: 80 }), ({ run }) => run(echo))
      // The third message of the handshake arrives after 3 ms.
      yield* Effect.forkChild(host.run(Effect.timeoutOption(Effect.scoped(serve), "3 millis")))
      const socket = yield* SimSocket.make(address)
      const { pull } = yield* Effect.retry(socket.reader, Schedule.spaced("1 nanos"))
      return reasonOf(yield* Effect.exit(Effect.timeout(pull, "1 hour")))
    })
    const reasons = new Set<string>()
    everywhere(Effect.scoped(program), 300, ({ value }) => reasons.add(value), "realistic")
    assert.sameMembers(Array.from(reasons), ["SocketCloseError 1000", "SocketReadError"])
  })

  it("the scope of a server waits for connections that no handler has closed", () => {
    const program = Effect.gen(function* () {
      const host = yield* Host.make("server")
      const serve = Effect.flatMap(SimSocket.makeServer({ port: 80 }), ({ run }) =>
        Effect.timeoutOption(
          run(() => Effect.never),
          "1 second"
        )
      )
      const serving = yield* Effect.forkChild(Effect.andThen(host.run(serve), now))
      yield* Effect.sleep("10 millis")
      const socket = yield* SimSocket.make(address)
      yield* Effect.scoped(Effect.andThen(socket.reader, Effect.sleep("3 seconds")))
      return yield* Fiber.join(serving)
    })
    // Connected at 12 ms, ended three seconds later; a millisecond for the way.
    everywhere(program, 100, ({ value }) => assert.strictEqual(value, 3013))
  })

  it("a connection that was reset before its handler reads is an open error there", () => {
    const ends: Array<Exit.Exit<unknown, unknown>> = []
    const late = (socket: Socket.Socket) =>
      Effect.andThen(
        Effect.sleep("1 second"),
        Effect.map(Effect.exit(Effect.scoped(socket.reader)), (exit) => ends.push(exit))
      )
    const program = withServer(late, (socket) =>
      Effect.gen(function* () {
        ends.length = 0
        yield* socket.reader
        yield* Effect.sleep("10 millis")
        yield* Network.reset("main", "server")
        yield* Effect.sleep("2 seconds")
        return ends.map(reasonOf)
      })
    )
    everywhere(program, 100, ({ value }) => assert.deepStrictEqual(value, ["SocketOpenError"]))
  })

  it("the address of a server can be connected to", () => {
    const program = withServer(echo, () =>
      Effect.flatMap(SimSocket.make({ host: "10.0.0.1", port: 80 }), (socket) => Effect.exit(socket.reader))
    )
    assert.isTrue(Exit.isSuccess(simulate(program).value))
  })

  it("a port that is taken is a server error", () => {
    const { makeServer } = SimSocket
    const program = Effect.exit(Effect.andThen(makeServer({ port: 80 }), makeServer({ port: 80 })))
    failsWith(simulate(Effect.scoped(program)).value, "EADDRINUSE main:80")
  })
})

const echoOnce = (socket: Socket.Socket, chunks: ReadonlyArray<Uint8Array | string>) =>
  Effect.scoped(Effect.flatMap(socket.writer, ({ write }) => write(textOf(chunks))))
