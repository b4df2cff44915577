import { FanOut, Retry } from "@holdfast/core"
import { Config, Context, type Duration, Effect, Layer, type Stream } from "effect"
import { describe, expect, it } from "tstyche"

class Refused {
  readonly _tag = "Refused"
}
class Server extends Context.Service<Server, string>()("Server") {}

const ask = (target: string): Effect.Effect<number, Refused, Server> =>
  target === "" ? Effect.fail(new Refused()) : Effect.as(Server, 1)

describe("FanOut.run", () => {
  it("keeps the errors of the calls in the report, and fails with nothing", () => {
    expect(FanOut.run(["a"], ask)).type.toBe<
      Effect.Effect<FanOut.Report<string, number, Refused>, never, Server>
    >()
  })

  it("has AttemptTimeout among them only when the policy has an attempt time-out", () => {
    const patient = Retry.policy({ attempts: 2 })
    expect(FanOut.run(["a"], ask, { retry: patient })).type.toBe<
      Effect.Effect<FanOut.Report<string, number, Refused>, never, Server>
    >()
    const hurried = Retry.policy({ attempts: 2, attemptTimeout: "1 second" })
    expect(FanOut.run(["a"], ask, { retry: hurried })).type.toBe<
      Effect.Effect<FanOut.Report<string, number, Refused | Retry.AttemptTimeout>, never, Server>
    >()
    expect(FanOut.run(["a"], ask, { retry: () => hurried })).type.toBe<
      Effect.Effect<FanOut.Report<string, number, Refused | Retry.AttemptTimeout>, never, Server>
    >()
  })

  it("types an inline predicate and callbacks by the call", () => {
    const policy = Retry.policy({ attempts: 2, attemptTimeout: "1 second" })
    const typed = FanOut.run(["a"], ask, {
      retry: { ...policy, while: (error) => error._tag === "AttemptTimeout" },
      until: (soFar) => soFar.answered.some((answer) => answer.value > 1),
      onOutcome: (outcome) => {
        expect(outcome).type.toBeAssignableTo<
          FanOut.Outcome<string, number, Refused | Retry.AttemptTimeout>
        >()
        return Effect.void
      }
    })
    expect(typed).type.toBe<
      Effect.Effect<FanOut.Report<string, number, Refused | Retry.AttemptTimeout>, never, Server>
    >()
  })

  it("adds what the callbacks require", () => {
    const onTick = () => Effect.asVoid(Context.Service<"Screen", string>("Screen"))
    expect(FanOut.run(["a"], () => Effect.void, { onTick })).type.toBe<
      Effect.Effect<FanOut.Report<string, void, never>, never, "Screen">
    >()
  })

  it("takes no callback that fails", () => {
    expect(FanOut.run).type.not.toBeCallableWith(["a"], ask, { onTick: () => Effect.fail("no") })
  })
})

describe("FanOut.Service", () => {
  class Ask extends FanOut.Service<Ask, string>()("Ask", {
    targets: ["a"],
    call: (target, times: number) => Effect.map(ask(target), (n) => n * times)
  }) {}
  class Ping extends FanOut.Service<Ping, string>()("Ping", { targets: ["a"], call: ask }) {}

  it("runs with the input of its call, and needs no argument when there is none", () => {
    expect(Ask.run(2)).type.toBe<Effect.Effect<FanOut.Report<string, number, Refused>, never, Ask>>()
    expect(Ask.run).type.not.toBeCallableWith()
    expect(Ping.run()).type.toBe<Effect.Effect<FanOut.Report<string, number, Refused>, never, Ping>>()
    expect(Ask.stream(2)).type.toBe<Stream.Stream<FanOut.Event<string, number, Refused>, never, Ask>>()
  })

  it("adds what the callbacks of a run require", () => {
    const onTick = () => Effect.asVoid(Context.Service<"Screen", string>("Screen"))
    expect(Ask.run(2, { onTick })).type.toBe<
      Effect.Effect<FanOut.Report<string, number, Refused>, never, Ask | "Screen">
    >()
  })

  it("infers the input from the function that gives the targets", () => {
    class Echo extends FanOut.Service<Echo, string>()("Echo", {
      targets: (words: ReadonlyArray<string>) => words,
      call: (word, words) => Effect.succeed(words.indexOf(word))
    }) {}
    expect(Echo.run(["a"])).type.toBe<Effect.Effect<FanOut.Report<string, number, never>, never, Echo>>()
  })

  it("has a layer that requires what the calls require, and takes decoded settings", () => {
    expect(Ask.layer()).type.toBe<Layer.Layer<Ask, never, Server>>()
    const configured = Layer.unwrap(Effect.map(Config.schema(FanOut.Settings, "ask"), Ask.layer))
    expect(configured).type.toBe<Layer.Layer<Ask, Config.ConfigError, Server>>()
  })
})

describe("FanOut.worstCase", () => {
  it("takes any policy", () => {
    const policy = Retry.policy({ attempts: 2, while: (error: Refused) => error._tag === "Refused" })
    expect(FanOut.worstCase({ targets: 1, retry: policy })).type.toBe<Duration.Duration>()
  })
})

describe("a policy that was typed apart, and a call whose target was not", () => {
  class Busy {
    readonly _tag = "Busy"
  }
  class Gone {
    readonly _tag = "Gone"
  }
  const call = (): Effect.Effect<number, Busy | Gone> => Effect.fail(new Busy())
  const policy = Retry.policy({ attempts: 2, while: (error: Busy | Gone) => error._tag === "Busy" })
  const hurried = Retry.policy({
    attempts: 2,
    attemptTimeout: "1 second",
    while: (error: Busy | Gone | Retry.AttemptTimeout) => error._tag === "Busy"
  })

  it("fit together", () => {
    expect(FanOut.run(["a"], (_) => call(), { retry: policy })).type.toBe<
      Effect.Effect<FanOut.Report<string, number, Busy | Gone>>
    >()
    expect(FanOut.run(["a"], (_) => call(), { retry: hurried })).type.toBe<
      Effect.Effect<FanOut.Report<string, number, Busy | Gone | Retry.AttemptTimeout>>
    >()
    expect(FanOut.stream(["a"], (_) => call(), { retry: policy })).type.toBe<
      Stream.Stream<FanOut.Event<string, number, Busy | Gone>>
    >()
  })

  it("do not when the policy looks at other errors", () => {
    expect(FanOut.run).type.not.toBeCallableWith(["a"], ask, { retry: policy })
  })

  it("do so in a service, with an input and without", () => {
    class One extends FanOut.Service<One, string>()("One", {
      targets: ["a"],
      call: (_) => call(),
      retry: policy
    }) {}
    class Two extends FanOut.Service<Two, string>()("Two", {
      targets: ["a"],
      call: (_, _times: number) => call(),
      retry: policy
    }) {}
    expect(One.run()).type.toBe<Effect.Effect<FanOut.Report<string, number, Busy | Gone>, never, One>>()
    expect(Two.run(2)).type.toBe<Effect.Effect<FanOut.Report<string, number, Busy | Gone>, never, Two>>()
  })
})
