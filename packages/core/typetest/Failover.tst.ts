import { Failover, type OutcomeUnknown } from "@holdfast/core"
import { Context, Effect, type Layer, type Scope, type Stream } from "effect"
import { describe, expect, it } from "tstyche"

class Refused {
  readonly _tag = "Refused"
}
class Invalid {
  readonly _tag = "Invalid"
}
class Clues extends Context.Service<Clues, string>()("Clues") {}
class Address extends Context.Service<Address, string>()("Address") {}

interface Client {
  readonly ask: Effect.Effect<number, Refused | Invalid, Clues>
}

declare const client: Client
declare const pool: Failover.Failover<Client>
declare const build: Effect.Effect<Client, "no route", Address | Scope.Scope>

const classify = () => Failover.unknown

describe("Failover.execute", () => {
  it("fails with the errors of the call, with those of all endpoints, or with an unknown outcome", () => {
    expect(pool.execute(({ ask }) => ask)).type.toBe<
      Effect.Effect<
        number,
        Refused | Invalid | Failover.AllEndpointsFailed<Refused | Invalid> | OutcomeUnknown,
        Clues
      >
    >()
  })

  it("has no unknown outcome when it is idempotent", () => {
    expect(pool.execute(({ ask }) => ask, { idempotent: true })).type.toBe<
      Effect.Effect<number, Refused | Invalid | Failover.AllEndpointsFailed<Refused | Invalid>, Clues>
    >()
  })

  it("may have one when only the running program knows", () => {
    const idempotent = Math.random() < 0.5
    expect(pool.execute(({ ask }) => ask, { idempotent })).type.toBe<
      Effect.Effect<
        number,
        Refused | Invalid | Failover.AllEndpointsFailed<Refused | Invalid> | OutcomeUnknown,
        Clues
      >
    >()
  })

  it("knows from its own classification which errors are the caller's", () => {
    expect(
      pool.execute(({ ask }) => ask, {
        idempotent: true,
        classify: (error) => (error._tag === "Invalid" ? Failover.callerFault(error) : Failover.endpointFault)
      })
    ).type.toBe<Effect.Effect<number, Invalid | Failover.AllEndpointsFailed<Refused | Invalid>, Clues>>()
    expect(pool.execute(({ ask }) => ask, { classify: () => Failover.unknown })).type.toBe<
      Effect.Effect<number, Failover.AllEndpointsFailed<Refused | Invalid> | OutcomeUnknown, Clues>
    >()
  })
})

describe("a classification of a call that is a function of its own", () => {
  it("may know more errors than the call has, and not fewer", () => {
    const exact = (error: Refused | Invalid) =>
      error._tag === "Invalid" ? Failover.callerFault(error) : Failover.endpointFault
    const wide: (error: Refused | Invalid | "other") => Failover.Verdict<Invalid> = () => Failover.unknown
    const narrow = (error: Refused) => Failover.callerFault(error)
    type Expected = Effect.Effect<number, Invalid | Failover.AllEndpointsFailed<Refused | Invalid>, Clues>
    expect(pool.execute(({ ask }) => ask, { idempotent: true, classify: exact })).type.toBe<Expected>()
    expect(pool.execute(({ ask }) => ask, { idempotent: true, classify: wide })).type.toBe<Expected>()
    expect(pool.execute<number, Refused | Invalid, Clues>).type.not.toBeCallableWith(
      ({ ask }: Client) => ask,
      {
        classify: narrow
      }
    )
  })
})

describe("Failover.make", () => {
  it("requires what its probes and its endpoints require", () => {
    expect(
      Failover.make({
        endpoints: [Failover.endpoint("one", client), Failover.endpointScoped("two", build)],
        probe: ({ ask }) => ask,
        classify
      })
    ).type.toBe<Effect.Effect<Failover.Failover<Client>, never, Address | Clues | Scope.Scope>>()
  })

  it("cannot be without a classification, or an endpoint", () => {
    expect(Failover.make).type.not.toBeCallableWith({
      endpoints: [Failover.endpoint("one", client)],
      probe: () => Effect.void
    })
    expect(Failover.make).type.not.toBeCallableWith({ endpoints: [], probe: () => Effect.void, classify })
  })

  it("takes a classification of errors of any type only", () => {
    expect(Failover.make).type.not.toBeCallableWith({
      endpoints: [Failover.endpoint("one", client)],
      probe: () => Effect.void,
      classify: (error: Refused) => Failover.callerFault(error)
    })
  })
})

describe("Failover.Service", () => {
  class Ledger extends Failover.Service<Ledger, Client>()("app/Ledger") {}

  it("executes with itself as a requirement", () => {
    expect(Ledger.execute(({ ask }) => ask, { idempotent: true })).type.toBe<
      Effect.Effect<
        number,
        Refused | Invalid | Failover.AllEndpointsFailed<Refused | Invalid>,
        Clues | Ledger
      >
    >()
  })

  it("has a layer without errors, which requires what probes and endpoints do", () => {
    expect(
      Ledger.layer({
        endpoints: [Failover.endpointScoped("two", build)],
        probe: ({ ask }) => ask,
        classify
      })
    ).type.toBe<Layer.Layer<Ledger, never, Address | Clues>>()
  })
})

describe("Failover", () => {
  it("tells of changes without errors", () => {
    expect(pool.changes).type.toBe<Stream.Stream<Failover.Change>>()
  })
})
