/** Where the parent asks what the servers saw: `GET /seen`, or `GET /seen?idle=0&idle=3` for once both are idle. */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { at } from "../../at.ts"
import type { Seen } from "./Wire.ts"
import type { Witness } from "./Witness.ts"

export const openControl = async (witnesses: ReadonlyArray<Witness>): Promise<string> => {
  const waiting = new Set<() => boolean>()
  const answerWaiting = () => {
    for (const answer of waiting) if (answer()) waiting.delete(answer)
  }
  for (const witness of witnesses) witness.onChange = answerWaiting

  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://control")
    const awaited = searchParams.getAll("idle").map((index) => at(witnesses, Number(index)))
    const answer = () => {
      if (!awaited.every((witness) => witness.idle)) return false
      const seen: Seen = { servers: witnesses.map((witness) => witness.seen) }
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(seen))
      return true
    }
    if (answer()) return
    waiting.add(answer)
    response.once("close", () => waiting.delete(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
