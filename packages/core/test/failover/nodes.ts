/** Endpoints for tests: how long they take, and what they say, can be changed at any time. */
import { Failover } from "@holdfast/core"
import { Array as Arr, Effect, Logger, Schema } from "effect"

export class Refused extends Schema.TaggedError<Refused>("test/Refused")("Refused", {
  node: Schema.String
}) {}
export class Invalid extends Schema.TaggedError<Invalid>("test/Invalid")("Invalid", {
  node: Schema.String
}) {}
export class Reset extends Schema.TaggedError<Reset>("test/Reset")("Reset", { node: Schema.String }) {}

export type Answer = "fine" | "refuses" | "hangs" | "resets" | "disagrees"

export class Node {
  readonly id: string
  /** Of probes and of calls. */
  latencyMillis: number
  answer: Answer = "fine"
  /** Of calls, when they differ from the probes. */
  callAnswer: Answer | undefined = undefined
  callLatencyMillis: number | undefined = undefined
  probes = 0
  calls = 0
  interrupted = 0

  constructor(id: string, latencyMillis: number) {
    this.id = id
    this.latencyMillis = latencyMillis
  }

  get probe(): Effect.Effect<string, Refused | Invalid | Reset> {
    return Effect.suspend(() => {
      this.probes++
      return this.say(this.answer, this.latencyMillis)
    })
  }

  get call(): Effect.Effect<string, Refused | Invalid | Reset> {
    return Effect.suspend(() => {
      this.calls++
      return this.say(this.callAnswer ?? this.answer, this.callLatencyMillis ?? this.latencyMillis)
    }).pipe(
      Effect.onInterrupt(() =>
        Effect.sync(() => {
          this.interrupted++
        })
      )
    )
  }

  private say(answer: Answer, millis: number): Effect.Effect<string, Refused | Invalid | Reset> {
    const { id } = this
    switch (answer) {
      case "refuses":
        return Effect.fail(new Refused({ node: id }))
      case "hangs":
        return Effect.never
      default: {
        const after = millis === 0 ? Effect.void : Effect.sleep(millis)
        if (answer === "fine") return Effect.as(after, id)
        const error = answer === "resets" ? new Reset({ node: id }) : new Invalid({ node: id })
        return Effect.andThen(after, Effect.fail(error))
      }
    }
  }
}

export const classify = <E>(error: E): Failover.Verdict<E> => {
  if (error instanceof Refused) return Failover.endpointFault
  return error instanceof Invalid ? Failover.callerFault(error) : Failover.unknown
}

/** A pool over nodes, with rounds of probes at 0, 2, 4 … seconds. */
export const poolOf = (
  nodes: Arr.NonEmptyReadonlyArray<Node>,
  options: Partial<Failover.Options<Node>> = {}
) =>
  Failover.make<Node>({
    label: "ledger",
    endpoints: Arr.map(nodes, (node) => Failover.endpoint(node.id, node)),
    probe: ({ probe }) => probe,
    classify,
    jitter: "none",
    ...options
  })

export const call = ({ call }: Node) => call

export const quiet = Logger.layer([])
