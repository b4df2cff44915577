import { Reconnect } from "@holdfast/core"
import { Context, Effect, type Layer, Option, type Scope, type Stream } from "effect"
import { describe, expect, it } from "tstyche"

class Closed {
  readonly _tag = "Closed"
}
class Malformed {
  readonly _tag = "Malformed"
}
class Address extends Context.Service<Address, string>()("Address") {}
class Clues extends Context.Service<Clues, string>()("Clues") {}

interface Connection {
  readonly ask: Effect.Effect<number, Closed | Malformed, Clues>
}

declare const connect: Effect.Effect<Connection, "refused", Address | Scope.Scope>
declare const guarded: Reconnect.Reconnect<Connection, Closed>
declare const plain: Reconnect.Reconnect<Connection>

describe("Reconnect.make", () => {
  it("takes the errors that mean lost from a type guard, also one that is inferred", () => {
    expect(Reconnect.make({ connect, isLost: (error) => error instanceof Closed })).type.toBe<
      Effect.Effect<Reconnect.Reconnect<Connection, Closed>, never, Address | Scope.Scope>
    >()
  })

  it("knows no such errors from a plain predicate", () => {
    expect(Reconnect.make({ connect, isLost: () => true })).type.toBe<
      Effect.Effect<Reconnect.Reconnect<Connection>, never, Address | Scope.Scope>
    >()
  })

  it("requires what its callbacks require, but for the scopes that they are given", () => {
    const scoped = Effect.addFinalizer(() => Effect.void)
    expect(
      Reconnect.make({
        connect: Effect.succeed(1),
        isLost: () => true,
        onConnect: () => Effect.andThen(Address, scoped),
        onLost: () => Effect.andThen(Clues, scoped),
        probe: { check: () => scoped }
      })
    ).type.toBe<Effect.Effect<Reconnect.Reconnect<number>, never, Address | Clues | Scope.Scope>>()
  })
})

describe("Reconnect", () => {
  it("that takes more errors out is one that takes fewer out, and not the other way round", () => {
    expect<Reconnect.Reconnect<Connection>>().type.toBeAssignableFrom<typeof guarded>()
    expect<Reconnect.Reconnect<Connection, Closed>>().type.not.toBeAssignableFrom<typeof plain>()
  })
})

describe("use", () => {
  it("fails with ConnectionLost in place of the errors that mean lost", () => {
    expect(guarded.use(({ ask }) => ask)).type.toBe<
      Effect.Effect<number, Malformed | Reconnect.ConnectionLost | Reconnect.NotConnected, Clues>
    >()
    expect(plain.use(({ ask }) => ask)).type.toBe<
      Effect.Effect<number, Closed | Malformed | Reconnect.ConnectionLost | Reconnect.NotConnected, Clues>
    >()
  })

  it("has streams that go on after a loss", () => {
    expect(guarded.stream(() => ticks)).type.toBe<
      Stream.Stream<Reconnect.Item<number>, Malformed | Reconnect.NotConnected, Clues>
    >()
    expect(guarded.longPoll(() => Effect.succeed(Option.some("block")), { pollTimeout: 1 })).type.toBe<
      Stream.Stream<Reconnect.Item<string>, Reconnect.NotConnected>
    >()
  })
})

declare const ticks: Stream.Stream<number, Closed | Malformed, Clues>

describe("Reconnect.Service", () => {
  class Node extends Reconnect.Service<Node, Connection, Closed>()("Node") {}

  it("is a requirement of those who use it, and a layer that requires what the connection does", () => {
    expect(Node.withConnection(({ ask }) => ask)).type.toBe<
      Effect.Effect<number, Malformed | Reconnect.ConnectionLost | Reconnect.NotConnected, Clues | Node>
    >()
    expect(Node.layer({ connect, isLost: (error) => error instanceof Closed })).type.toBe<
      Layer.Layer<Node, never, Address>
    >()
  })

  it("promises to take errors out only with a type guard for them", () => {
    expect(Node.layer).type.not.toBeCallableWith({ connect, isLost: () => true })
    class Bare extends Reconnect.Service<Bare, Connection>()("Bare") {}
    expect(Bare.layer).type.toBeCallableWith({ connect, isLost: () => true })
  })

  it("takes no other connection", () => {
    expect(Node.layer).type.not.toBeCallableWith({
      connect: Effect.succeed(1),
      isLost: (error: unknown) => error instanceof Closed
    })
  })
})

describe("Reconnect.establish", () => {
  it("keeps the requirements of connect, and fails with one error", () => {
    expect(Reconnect.establish(connect, { deadline: "1 second", attempts: 3 })).type.toBe<
      Effect.Effect<
        { readonly connection: Connection; readonly attempts: number; readonly elapsedMillis: number },
        Reconnect.EstablishFailed,
        Address | Scope.Scope
      >
    >()
  })
})
