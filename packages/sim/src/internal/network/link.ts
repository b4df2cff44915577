/** The way from one host to another: what it does to messages, and what it still holds. */
import type { Conditions } from "../../Network.ts"
import type { HostState } from "../host.ts"
import { drawLatency, happens, type Shape, shapeOf } from "./conditions.ts"
import type { End } from "./end.ts"
import type { Net } from "./net.ts"

/** What a message is. A credit only tells how much was read, and shows up in no trace. */
export type Kind = "SYN" | "SYN-ACK" | "ACK" | "data" | "credit" | "FIN" | "RST" | "datagram"

/** What a black hole lets pass, so that connections are made over it. */
const isHandshake = (kind: Kind): boolean => kind === "SYN" || kind === "SYN-ACK" || kind === "ACK"

export class Link {
  readonly net: Net
  readonly from: string
  readonly to: string
  shape: Shape
  partitioned = false
  /** The connections that were opened over this link and are not over. */
  readonly connections = new Set<End>()
  /** Of datagrams: when the last one arrives, how many were sent, and the latest that has arrived. */
  lastArrival = 0
  sent = 0
  latest = -1
  private own: Conditions | undefined = undefined
  private held: Array<() => void> | undefined = undefined
  /** When the last byte that was sent will have left. */
  private freeAt = 0
  /** What traces call its messages. Kept, because most runs are not traced and a text costs as much as a message. */
  private readonly texts = new Map<Kind, string>()

  constructor(net: Net, from: string, to: string) {
    this.net = net
    this.from = from
    this.to = to
    this.shape = net.baseOf(this)
  }

  condition(conditions: Conditions | undefined): void {
    this.own = conditions
    this.reshape()
  }

  reshape(): void {
    const base = this.net.baseOf(this)
    this.shape = this.own === undefined ? base : shapeOf(this.own, base)
  }

  // --------------------------------------------------------------------------
  // What happens to one message
  // --------------------------------------------------------------------------

  /** What swallows a message, if anything does. */
  swallows(kind: Kind): "partition" | "blackHole" | "loss" | undefined {
    const { net, shape } = this
    if (this.isCut) return "partition"
    if (shape.blackHole && !isHandshake(kind)) return "blackHole"
    return shape.loss > 0 && happens(shape.loss, net.driver.choose) ? "loss" : undefined
  }

  private get isCut(): boolean {
    if (this.partitioned) return true
    const { isolated } = this.net
    return isolated.size > 0 && this.from !== this.to && (isolated.has(this.from) || isolated.has(this.to))
  }

  /** When a message that leaves now arrives. */
  arrival(kind: Kind, bytes: number): number {
    const { net, shape } = this
    const { choose, nowNanos } = net.driver
    let leaves = nowNanos
    if (shape.nanosPerByte > 0) {
      leaves = Math.max(nowNanos, this.freeAt) + Math.round(bytes * shape.nanosPerByte)
      this.freeAt = leaves
      if (leaves > nowNanos) this.tookEffect("bandwidth", kind)
    }
    const latency = drawLatency(shape, choose)
    if (latency > net.baseOf(this).minNanos) this.tookEffect("latency", kind)
    return leaves + latency
  }

  // --------------------------------------------------------------------------
  // Hold and release
  // --------------------------------------------------------------------------

  get isHeld(): boolean {
    return this.held !== undefined
  }

  hold(): void {
    this.held ??= []
  }

  /** Calls back, in the order of asking. A connection asks once for all that it has to send. */
  whenReleased(go: () => void): void {
    this.held?.push(go)
  }

  /** How many wait for a release. */
  get queue(): number {
    return this.held?.length ?? 0
  }

  release(): void {
    const { held = [] } = this
    this.held = undefined
    for (const go of held) go()
  }

  resetConnections(): void {
    for (const client of Array.from(this.connections)) {
      this.tookEffect("reset", "RST")
      client.cut()
    }
  }

  // --------------------------------------------------------------------------
  // What is told of it
  // --------------------------------------------------------------------------

  tookEffect(fault: string, kind: Kind): void {
    this.net.driver.tookEffect(fault, `${fault}: ${this.textOf(kind)}`)
  }

  tell(
    phase: "send" | "deliver" | "drop",
    kind: Kind,
    id: number,
    bytes: number,
    host?: HostState | undefined
  ): void {
    if (kind === "credit") return
    const data = { phase, id, from: this.from, to: this.to, bytes }
    this.net.driver.emit("message", this.textOf(kind), data, undefined, host)
  }

  private textOf(kind: Kind): string {
    const known = this.texts.get(kind)
    if (known !== undefined) return known
    const text = `${kind} ${this.from} → ${this.to}`
    this.texts.set(kind, text)
    return text
  }
}
