/** One real HTTP server on loopback, which behaves as it is told and writes down what it sees. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http"
import type { AddressInfo } from "node:net"
import { answerOf, type Exchange } from "./behaviours.ts"
import { paths, sha256 } from "./protocol.ts"
import type { Operation, ServerSpec } from "./Wire.ts"
import type { Witness } from "./Witness.ts"

const operations = new Map<string, Operation>([
  [`GET ${paths.ping}`, "ping"],
  [`GET ${paths.list}`, "list"],
  [`POST ${paths.push}`, "push"],
  [`POST ${paths.check}`, "check"]
])

const readBody = async (request: IncomingMessage): Promise<Buffer> => Buffer.concat(await request.toArray())

export const listen = async (
  spec: ServerSpec,
  witness: Witness,
  roster: Exchange["roster"]
): Promise<string> => {
  const answer = answerOf(spec.behaviour)

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const startMillis = performance.now()
    const operation = operations.get(`${request.method} ${request.url}`)
    if (operation === undefined) return void response.writeHead(404).end()
    const body = await readBody(request)
    const note = witness.received(operation, sha256(body), startMillis)
    response.once("close", note.closed)
    answer({
      operation,
      body: body.toString("utf8"),
      witness,
      name: spec.name,
      roster,
      socket: request.socket,
      replyRaw: (bytes) => {
        note.answered()
        request.socket.end(bytes)
      },
      reply: (status, text) => {
        note.answered()
        response.writeHead(status, { "content-type": "text/plain" }).end(text)
      }
    })
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
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(0, "127.0.0.1", resolve)
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
