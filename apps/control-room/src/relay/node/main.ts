/**
 * The node: it has a chain, serves templates over a Unix socket, and can be killed at any time.
 *
 * It takes its plan as its one argument, and lives until its standard input closes: whichever way the parent ends, even
 * by SIGKILL, nothing stays behind.
 */
import { rmSync } from "node:fs"
import { flushCompileCache } from "node:module"
import { createInterface } from "node:readline"
import * as NodeSocketServer from "@effect/platform-node/NodeSocketServer"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as RpcServer from "effect/rpc/RpcServer"
import * as Schema from "effect/Schema"
import * as SocketServer from "effect/socket/SocketServer"
import { counting } from "../counting.ts"
import { type Chain, makeChain } from "./Chain.ts"
import { Command, NodeCalls, Plan, type Seen } from "./Wire.ts"

process.stdin.on("error", () => process.exit(0)).on("close", () => process.exit(0))
process.stdout.on("error", () => process.exit(0))

const see = (what: Seen["what"], call = ""): void => {
  const seen: Seen = { what, call, atMillis: Date.now() }
  process.stdout.write(`${JSON.stringify(seen)}\n`)
}

const seen =
  (call: string) =>
  <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.sync(() => see("called", call)).pipe(
      Effect.andThen(self),
      Effect.tap(() => Effect.sync(() => see("answered", call))),
      Effect.onInterrupt(() => Effect.sync(() => see("interrupted", call)))
    )

const handlers = (plan: Plan, chain: Chain) => {
  let hellos = 0
  let checks = 0
  return NodeCalls.toLayer({
    Hello: () =>
      Effect.sync(() => (++hellos === 1 && plan.handle === "second time" ? null : { pid: process.pid })).pipe(
        seen("Hello")
      ),
    Ping: () => Effect.void.pipe(seen("Ping")),
    IsInitialBlockDownload: () =>
      Effect.sync(() => ++checks <= plan.downloadChecks).pipe(seen("IsInitialBlockDownload")),
    WaitNext: ({ above, waitMillis }) =>
      chain.above(plan.polls === "repeat" ? 0 : above).pipe(
        Effect.timeoutOption(Duration.millis(plan.polls === "wait" ? waitMillis : 0)),
        Effect.map((height) => (Option.isSome(height) ? { height: height.value } : null)),
        seen("WaitNext")
      ),
    Goodbye: () => Effect.void.pipe(seen("Goodbye"))
  })
}

const listening = (plan: Plan) =>
  Layer.effect(
    SocketServer.SocketServer,
    Effect.gen(function* () {
      // A node that was killed has left its socket behind, and nobody can listen there again.
      rmSync(plan.path, { force: true })
      const server = yield* NodeSocketServer.make({ path: plan.path })
      see("listening")
      return counting(server, { opened: () => see("accepted"), closed: () => see("closed") })
    })
  )

const serve = (plan: Plan, chain: Chain) =>
  RpcServer.layer(NodeCalls).pipe(
    Layer.provide(handlers(plan, chain)),
    Layer.provide(RpcServer.layerProtocolSocketServer),
    Layer.provide([listening(plan), RpcSerialization.layerNdjson])
  )

const plan = Schema.decodeUnknownSync(Schema.fromJsonString(Plan))(process.argv[2])
const chain = Effect.runSync(makeChain(plan.height))
const listen = () => {
  // Standard output is for what it saw, and that a client has gone is said there.
  Effect.runFork(Effect.provide(Layer.launch(serve(plan, chain)), Logger.layer([])))
}
const commands: Record<Command, () => void> = { listen, tick: () => Effect.runSync(chain.tick) }
const isCommand = Schema.is(Command)

createInterface({ input: process.stdin }).on("line", (line) => {
  if (isCommand(line)) commands[line]()
})
see("ready")
// Otherwise it is written at the end, which a node that is killed does not have.
flushCompileCache()
if (plan.listens === "at once") listen()
