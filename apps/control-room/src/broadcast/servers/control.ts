/**
 * Where the parent asks what the servers saw: `GET /seen`; or `GET /seen?idle=0,3` and `GET /seen?asked=0,3`, which
 * are answered once servers 0 and 3 are idle, or have had a request.
 */
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { at } from "../../at.ts"
import type { Seen } from "./Wire.ts"
import type { Witness } from "./Witness.ts"

export interface Control {
  readonly url: string
  /** To be called whenever a server has seen something. */
  readonly changed: () => void
}

export const openControl = async (witnesses: ReadonlyArray<Witness>): Promise<Control> => {
  const waiting = new Set<() => boolean>()

  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? "/", "http://control")
    const named = (parameter: string) =>
      (searchParams.get(parameter) ?? "")
        .split(",")
        .flatMap((index) => (index === "" ? [] : at(witnesses, Number(index))))
    const [idle, asked] = [named("idle"), named("asked")]
    const answer = () => {
      if (!idle.every((witness) => witness.idle) || !asked.every((witness) => witness.asked)) return false
      const seen: Seen = { servers: witnesses.map((witness) => witness.seen) }
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(seen))
      return true
    }
    if (answer()) return
    waiting.add(answer)
    response.once("close", () => waiting.delete(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    changed: () => {
      for (const answer of waiting) if (answer()) waiting.delete(answer)
    }
  }
}
