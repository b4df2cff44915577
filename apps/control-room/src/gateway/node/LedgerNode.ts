/** One node: a real HTTP server on loopback that behaves as it is told, and writes down what it sees. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { type Answer, answerOf, type Call, callOf, internalError, toBody } from "./answer.ts"
import type { Ledger } from "./Ledger.ts"
import type { Behaviour } from "./Wire.ts"
import { Witness } from "./Witness.ts"

export interface LedgerNode {
  readonly url: string
  readonly witness: Witness
  /** Resolves when it is so. */
  readonly behave: (behaviour: Behaviour) => Promise<void>
}

export const listen = async (latencyMillis: number, ledger: Ledger): Promise<LedgerNode> => {
  const witness = new Witness()
  let behaviour: Behaviour = { _tag: "Answering", latencyMillis }
  let sinceMillis = performance.now()
  let swallowed = 0

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = callOf(Buffer.concat(await request.toArray()).toString("utf8"))
    if (call === undefined) return void response.writeHead(400).end()
    const note = witness.received(call.method)
    response.once("close", note.closed)
    const reply = (status: number, body: string) => {
      if (response.destroyed) return
      note.answered()
      response.writeHead(status, { "content-type": "application/json" }).end(body)
    }
    switch (behaviour._tag) {
      case "BlackHole": {
        const isApplied = call.method === "submit" && swallowed++ % 2 === 0
        if (isApplied) answerOf(call, ledger)
        return
      }
      case "Failing":
        return behaviour.how === "HTTP 500" ? reply(500, "") : reply(200, toBody(call, internalError))
      default:
        return afterLatency(
          latencyOf(behaviour, performance.now() - sinceMillis),
          call,
          answerOf(call, ledger)
        )
    }

    function afterLatency(millis: number, call: Call, answer: Answer) {
      const timer = setTimeout(() => reply(200, toBody(call, answer)), millis)
      response.once("close", () => clearTimeout(timer))
    }
  }

  const server = createServer((request, response) => {
    // A client that leaves while it is still sending has made no request.
    handle(request, response).catch(() => response.destroy())
  })
  server.on("connection", (socket) => {
    witness.connected()
    socket.on("error", () => {})
    socket.once("close", () => witness.disconnected())
  })
  await open(server, 0)
  const { port } = server.address() as AddressInfo

  return {
    url: `http://127.0.0.1:${port}`,
    witness,
    behave: async (next) => {
      behaviour = next
      sinceMillis = performance.now()
      swallowed = 0
      if (next._tag === "Dead" && server.listening) await close(server)
      if (next._tag !== "Dead" && !server.listening) await openAgain(server, port)
    }
  }
}

const latencyOf = (behaviour: Behaviour, ageMillis: number): number => {
  if (behaviour._tag === "Answering") return behaviour.latencyMillis
  if (behaviour._tag !== "Alternating") return 0
  const { everyMillis, latenciesMillis } = behaviour
  return latenciesMillis[Math.floor(ageMillis / everyMillis) % latenciesMillis.length] ?? 0
}

const open = (server: Server, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject)
      resolve()
    })
  })

/** Somebody may have been given the port meanwhile, for a connection that does not last. */
const attemptsMax = 100
const attemptDelayMillis = 20

const openAgain = async (server: Server, port: number): Promise<void> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open(server, port)
    } catch (error) {
      if (attempt === attemptsMax) throw error
      await new Promise((resolve) => setTimeout(resolve, attemptDelayMillis))
    }
  }
}

const close = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
