/** The template provider: it gets templates from a node that comes and goes, and serves pools that stay. */
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import { type Backoff, Reconnect } from "@holdfast/core"
import { Duration, Effect, Layer, Option, type Scope, Stream } from "effect"
import type { RpcClientError } from "effect/rpc"
import { RpcSerialization, RpcServer } from "effect/rpc"
import { SocketServer } from "effect/socket"
import { counting } from "../counting.ts"
import { Numbers } from "../Numbers.ts"
import type { NodeTemplate } from "../node/Wire.ts"
import { brokenIsLost, connectTo, isLost, type NodeConnection } from "./nodeConnection.ts"
import { PoolCalls, type PoolTemplate, UnknownTemplate } from "./PoolWire.ts"
import { Templates } from "./Templates.ts"

type NodeSession = Reconnect.Reconnect<NodeConnection, RpcClientError.RpcClientError>

export interface Options {
  /** Where the node listens. */
  readonly path: string
  /** Where pools connect; a free port by default. */
  readonly port?: number | undefined
  /** What is done when the node is lost. */
  readonly onLoss?: "reconnect" | "exit" | undefined
  readonly backoff?: Backoff.Backoff | undefined
}

export interface Provider {
  readonly port: number
  readonly node: NodeSession
  /** As the listener counts them. */
  readonly pools: { readonly accepted: number; readonly open: number }
  readonly templates: { readonly size: number }
  /** Ends when the node is lost, and that is to be the end. */
  readonly ended: Effect.Effect<void>
}

/** Serves until the scope closes: first the pools are let go of, with all that is in flight for them, then the node. */
export const serve = (
  options: Options
): Effect.Effect<Provider, SocketServer.SocketServerError, Scope.Scope> =>
  Effect.gen(function* () {
    const templates = new Templates()
    const node = yield* connection(options, templates)
    const pools = { accepted: 0, open: 0 }
    const port = yield* listen(options.port ?? 0, pools, handlers(node, templates))
    const ended = Effect.catch(node.terminated, () => Effect.logWarning("disconnected for good; ended"))
    return { port, node, pools, templates, ended }
  })

const connection = (
  options: Options,
  templates: Templates
): Effect.Effect<NodeSession, never, Scope.Scope> => {
  const { onLoss = "reconnect", path } = options
  return Reconnect.make({
    label: "node",
    connect: connectTo(path),
    isLost,
    onConnect: (client, generation) =>
      Effect.andThen(
        downloaded(client),
        Effect.sync(() => templates.begin(generation))
      ),
    onLost: (generation) => drop(templates, generation, onLoss),
    probe: { check: (client) => client.Ping(), ...Numbers.probe },
    backoff: options.backoff ?? Numbers.backoff,
    stableAfter: Numbers.stableAfter,
    attemptTimeout: Numbers.attemptTimeout,
    releaseTimeout: Numbers.releaseTimeout,
    onLoss
  })
}

/** Until then the node has only old templates. */
const downloaded = (client: NodeConnection): Effect.Effect<void, RpcClientError.RpcClientError> =>
  Effect.flatMap(client.IsInitialBlockDownload(), (downloads) =>
    downloads ? Effect.andThen(Effect.sleep(Numbers.downloadCheck), downloaded(client)) : Effect.void
  )

const drop = (templates: Templates, generation: number, onLoss: "reconnect" | "exit") =>
  Effect.gen(function* () {
    yield* Effect.logWarning(
      onLoss === "exit"
        ? "disconnected; ending"
        : "disconnected; reconnecting before resuming template creation"
    )
    const count = templates.end(generation)
    if (count > 0) {
      const templates = count === 1 ? "template" : "templates"
      yield* Effect.logWarning(`dropped ${count} ${templates} of generation ${generation}`)
    }
  })

const handlers = (node: NodeSession, templates: Templates) =>
  PoolCalls.toLayer({
    Templates: () => templatesFor(node, templates),
    Template: ({ id }) => {
      const template = templates.get(id)
      return template === undefined ? Effect.fail(new UnknownTemplate({ id })) : Effect.succeed(template)
    }
  })

/**
 * What one pool is sent. Each pool has a long-poll of its own, because each reserves its own room in a block; it goes on
 * over every loss, so that also a pool that had nothing yet, or came meanwhile, gets what comes next.
 */
const templatesFor = (node: NodeSession, templates: Templates): Stream.Stream<PoolTemplate> => {
  const owner = {}
  let last: { readonly generation: number; readonly height: number } | undefined
  const above = (generation: number) => (last?.generation === generation ? last.height : 0)
  const ask = (client: NodeConnection, generation: number) =>
    Effect.map(
      brokenIsLost(
        client.WaitNext({ above: above(generation), waitMillis: Duration.toMillis(Numbers.poll) })
      ),
      // The same once more is nothing new, and a reason to ask less often.
      Option.liftPredicate(
        (template): template is NodeTemplate => template !== null && template.height > above(generation)
      )
    )
  return node.longPoll(ask, { pollTimeout: Numbers.poll, backoff: Numbers.pollBackoff }).pipe(
    Stream.map((item) => {
      if (item._tag === "Seam") return Option.none()
      last = { generation: item.generation, height: item.value.height }
      return Option.fromUndefinedOr(templates.add(item.generation, owner, item.value))
    }),
    Stream.filter(Option.isSome),
    Stream.map(({ value }) => value),
    Stream.catchTag("NotConnected", () => Stream.empty),
    Stream.ensuring(Effect.sync(() => templates.forget(owner)))
  )
}

const listen = (
  port: number,
  pools: { accepted: number; open: number },
  calls: ReturnType<typeof handlers>
) =>
  Effect.gen(function* () {
    const server = yield* NodeSocketServer.make({ host: "127.0.0.1", port })
    const counted = counting(server, {
      opened: () => {
        pools.accepted++
        pools.open++
      },
      closed: () => {
        pools.open--
      }
    })
    yield* RpcServer.layer(PoolCalls, { disableTracing: true }).pipe(
      Layer.provide(calls),
      Layer.provide(RpcServer.layerProtocolSocketServer),
      Layer.provide([Layer.succeed(SocketServer.SocketServer)(counted), RpcSerialization.layerNdjson]),
      Layer.build
    )
    return server.address._tag === "UnixPathAddress" ? 0 : server.address.port
  })
