/** The ways of answering, one function each. */
import type { Socket } from "node:net"
import { acknowledgement, alreadyPresent, splitLines, transactionId } from "./protocol.ts"
import type { Behaviour, Operation } from "./Wire.ts"
import type { Witness } from "./Witness.ts"

/** One request, and the means to answer it. */
export interface Exchange {
  readonly operation: Operation
  readonly body: string
  readonly witness: Witness
  /** A complete, well-formed reply. */
  readonly reply: (status: number, body: string) => void
  /** A reply of a server that does not keep to HTTP, and its end. */
  readonly replyRaw: (bytes: string) => void
  /** The socket of the request: for a reply that never gets anywhere. */
  readonly socket: Socket
  readonly name: string
  /** Every server of this one's group, for the list that it offers. */
  readonly roster: () => ReadonlyArray<{ readonly name: string; readonly url: string }>
}

type Answer = (exchange: Exchange) => void

export const answerOf = (behaviour: Behaviour): Answer => {
  switch (behaviour._tag) {
    case "Answering":
      return honest
    case "Slow":
      return slow(behaviour.delayMillis)
    case "Stalling":
      return onlyFor(behaviour.only, stall)
    case "Trickling":
      return onlyFor(behaviour.only, trickle(behaviour.part))
    case "Garbage":
      return garbage(behaviour.reply)
    case "Failing":
      return (exchange) => exchange.reply(500, "internal error")
    case "CommitThenStall":
      return commitThenStall(behaviour.stalls)
    case "AlreadyPresent":
      return claimPresent(behaviour.holds)
    case "Refusing":
    case "BlackHoled":
      // They never get as far as a request.
      return stall
  }
}

const honest: Answer = (exchange) => {
  const { body, name, operation, reply, roster, witness } = exchange
  switch (operation) {
    case "ping":
      return reply(
        200,
        JSON.stringify({ address: `bc1q${name}`, base_fee: 10_000, info: `${name} at your service` })
      )
    case "list":
      return reply(200, JSON.stringify(roster()))
    case "push": {
      const transactions = splitLines(body)
      const heldAll =
        transactions.length > 0 && transactions.every((one) => witness.holds(transactionId(one)))
      witness.store(transactions)
      return reply(200, heldAll ? alreadyPresent : acknowledgement)
    }
    case "check":
      return reply(200, JSON.stringify({ held: splitLines(body).filter((id) => witness.holds(id)) }))
  }
}

const slow =
  (delayMillis: number): Answer =>
  (exchange) => {
    const timer = setTimeout(honest, delayMillis, exchange)
    exchange.socket.once("close", () => clearTimeout(timer))
  }

const stall: Answer = () => {}

const onlyFor =
  (only: ReadonlyArray<Operation> | undefined, answer: Answer): Answer =>
  (exchange) =>
    only === undefined || only.includes(exchange.operation) ? answer(exchange) : honest(exchange)

/** Ten bytes a second: never enough, never silent. */
const trickle =
  (part: "header" | "body"): Answer =>
  ({ socket }) => {
    socket.write(
      part === "header" ? "HTTP/1.1 200 OK\r\nx-slow: " : "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n"
    )
    const timer = setInterval(() => socket.write("t"), 100)
    socket.once("close", () => clearInterval(timer))
  }

const garbage =
  (kind: "http" | "json" | "empty"): Answer =>
  (exchange) => {
    switch (kind) {
      case "http":
        return exchange.replyRaw("\u0000\u0001 this is not HTTP\r\n\r\n")
      case "json":
        return exchange.reply(200, "[1, 2,")
      case "empty":
        return exchange.reply(200, "")
    }
  }

const commitThenStall =
  (stalls: "first" | "every"): Answer =>
  (exchange) => {
    const { body, operation, witness } = exchange
    const isFirst = witness.count("push") === 1
    if (operation !== "push" || (stalls === "first" && !isFirst)) return honest(exchange)
    witness.store(splitLines(body))
  }

const claimPresent =
  (holds: boolean): Answer =>
  (exchange) => {
    switch (exchange.operation) {
      case "push":
        return exchange.reply(200, alreadyPresent)
      case "check":
        return exchange.reply(200, JSON.stringify({ held: holds ? splitLines(exchange.body) : [] }))
      default:
        return honest(exchange)
    }
  }
