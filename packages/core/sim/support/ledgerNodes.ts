/** Three nodes of one ledger that live through a trace, and the books of what was submitted to it. */
import { Clock, Effect, Schema } from "effect"
import { mixed, phaseAt, type Trace } from "./failoverTraces.ts"
import type { Transport } from "./transports.ts"

export interface Request {
  readonly kind: "read" | "submission" | "probe"
  readonly id: number
}

/** Nobody listens: nothing was done. */
export class Refused extends Schema.TaggedError<Refused>("sim/Refused")("Refused", { node: Schema.Number }) {}

/** The status is 500: it may have been done. */
export class ServerError extends Schema.TaggedError<ServerError>("sim/ServerError")("ServerError", {
  node: Schema.Number
}) {}

export interface Ledger {
  readonly nodes: ReadonlyArray<Transport<Request, string, Refused | ServerError>>
  /** How often the nodes were asked for each request. */
  readonly asked: ReadonlyMap<number, number>
  /** How often each submission was carried out. */
  readonly applied: ReadonlyMap<number, number>
}

/** Which part of the errors comes after the request was carried out. */
const lateErrors = 1 / 3

/**
 * Time begins now. A node carries out what it takes, whoever still waits for the answer; one that hangs takes nothing.
 * What chance decides depends on the seed, the node, the request and the time alone, so that it is the same for all
 * strategies.
 */
export const ledgerOf = (trace: Trace): Effect.Effect<Ledger> =>
  Effect.map(Clock.currentTimeMillis, (beginMillis) => {
    const asked = new Map<number, number>()
    const applied = new Map<number, number>()
    const count = (counts: Map<number, number>, id: number) => counts.set(id, (counts.get(id) ?? 0) + 1)
    const apply = ({ id, kind }: Request) => kind === "submission" && count(applied, id)
    const nodes = trace.nodes.map((phases, node) => {
      const serve = (request: Request, millis: number): Effect.Effect<string, Refused | ServerError> => {
        count(asked, request.id)
        const phase = phaseAt(phases, millis)
        if (phase === undefined || phase.behaviour === "hangs") return Effect.never
        const chance = (what: number) => mixed(trace.seed, node, request.id, Math.floor(millis), what)
        const isSpike = chance(1) < trace.spikes
        const latency = isSpike ? 1000 + 3000 * chance(2) : phase.latencyMillis
        const answering = Effect.sleep(latency * (1 + trace.noise * (2 * chance(3) - 1)))
        if (phase.behaviour === "refuses")
          return Effect.andThen(answering, Effect.fail(new Refused({ node })))
        if (phase.behaviour === "errs") {
          if (chance(4) < lateErrors) apply(request)
          return Effect.andThen(answering, Effect.fail(new ServerError({ node })))
        }
        apply(request)
        return Effect.as(answering, `the answer to ${request.id}`)
      }
      return (request: Request): Effect.Effect<string, Refused | ServerError> =>
        Effect.flatMap(Clock.currentTimeMillis, (now) => serve(request, now - beginMillis))
    })
    return { nodes, asked, applied }
  })
