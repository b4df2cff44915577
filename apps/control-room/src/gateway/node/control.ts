/** Where the demo says how nodes are to be (`POST /behave`), and asks what they saw (`GET /seen/0`, `GET /idle/0`). */
import { createServer, type IncomingMessage } from "node:http"
import type { AddressInfo } from "node:net"
import * as Schema from "effect/Schema"
import { at } from "../../at.ts"
import type { Ledger } from "./Ledger.ts"
import type { LedgerNode } from "./LedgerNode.ts"
import { Command, type SeenSet } from "./Wire.ts"

export interface NodeSet {
  readonly ledger: Ledger
  readonly nodes: ReadonlyArray<LedgerNode>
}

const decodeCommand = Schema.decodeUnknownSync(Schema.fromJsonString(Command))

const seenOf = ({ ledger, nodes }: NodeSet): SeenSet => ({
  nodes: nodes.map(({ witness }) => witness.seen),
  applied: ledger.applied,
  refused: ledger.refused
})

/** Waits until no node of the set has a connection open. */
const idle = ({ nodes }: NodeSet): Promise<void> =>
  new Promise((resolve) => {
    const look = () => {
      if (nodes.every(({ witness }) => witness.idle)) resolve()
    }
    for (const { witness } of nodes) witness.onEnd = look
    look()
  })

export const openControl = async (sets: ReadonlyArray<NodeSet>): Promise<string> => {
  const handle = async (request: IncomingMessage): Promise<string> => {
    const body = Buffer.concat(await request.toArray()).toString("utf8")
    const [, what, index] = (request.url ?? "").split("/")
    if (what === "behave") {
      const { behaviour, node, set } = decodeCommand(body)
      await at(at(sets, set).nodes, node).behave(behaviour)
      return "{}"
    }
    const set = sets[Number(index)]
    if (set === undefined) return `${JSON.stringify({ try: `/seen/0 to /seen/${sets.length - 1}` })}\n`
    if (what === "idle") await idle(set)
    return JSON.stringify(seenOf(set))
  }
  const server = createServer((request, response) => {
    handle(request).then(
      (body) => response.writeHead(200, { "content-type": "application/json" }).end(body),
      (error) => response.writeHead(500).end(String(error))
    )
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
