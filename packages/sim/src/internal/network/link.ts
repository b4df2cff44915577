/** The way from one host to another: what it does to messages, and what it still holds. */
import { Formatter } from "effect"
import type { Conditions } from "../../Network.ts"
import type { HostState } from "../host.ts"
import { drawLatency, happens, type Shape, shapeOf } from "./conditions.ts"
import type { End } from "./end.ts"
import type { Net } from "./net.ts"

/** What a message is. A credit only tells how much was read, and shows up in no trace. */
export type Kind = "SYN" | "SYN-ACK" | "ACK" | "data" | "credit" | "probe" | "FIN" | "RST" | "datagram"

/** What a black hole lets pass, so that connections are made over it. */
const isHandshake = (kind: Kind): boolean => kind === "SYN" || kind === "SYN-ACK" || kind === "ACK"

/** As much of a payload as a line has room for. */
const maxShown = 100

const show = (payload: unknown): string => {
  const text = typeof payload === "string" ? payload : Formatter.format(payload)
  return text.length <= maxShown ? text : `${text.slice(0, maxShown - 1)}…`
}

/** What a fault does to a link while it lasts. */
export interface Trouble {
  readonly cuts?: true
  readonly holds?: true
  readonly conditions?: Conditions
}

export class Link {
  readonly net: Net
  readonly from: string
  readonly to: string
  shape: Shape
  /** The connections that were opened over this link and are not over. */
  readonly connections = new Set<End>()
  /** Of datagrams: when the last one arrives, how many were sent, and the latest that has arrived. */
  lastArrival = 0
  sent = 0
  latest = -1
  /** What the program has set. */
  private own: Trouble = {}
  /** The faults that last, in the order in which they began. Each ends for itself. */
  private readonly troubles = new Set<Trouble>()
  private cut = false
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

  // --------------------------------------------------------------------------
  // What is wrong with it
  // --------------------------------------------------------------------------

  /** Changes what the program has set. */
  set(change: { readonly [Key in keyof Trouble]: Trouble[Key] | undefined }): void {
    const { conditions, cuts, holds } = { ...this.own, ...change }
    this.own = {
      ...(cuts && { cuts }),
      ...(holds && { holds }),
      ...(conditions !== undefined && { conditions })
    }
    this.update()
  }

  begin(trouble: Trouble): void {
    this.troubles.add(trouble)
    this.update()
  }

  end(trouble: Trouble): void {
    if (this.troubles.delete(trouble)) this.update()
  }

  heal(): void {
    this.own = {}
    this.troubles.clear()
    this.update()
  }

  /** Where two set the same condition, the one that began last counts. */
  update(): void {
    let shape = this.net.baseOf(this)
    let isHeld = false
    this.cut = false
    for (const { conditions, cuts, holds } of [this.own, ...this.troubles]) {
      if (conditions !== undefined) shape = shapeOf(conditions, shape)
      if (cuts === true) this.cut = true
      if (holds === true) isHeld = true
    }
    // What is queued leaves as fast as is possible now.
    const { nowNanos } = this.net.driver
    const queuedNanos = Math.max(0, this.freeAt - nowNanos)
    const isFaster = shape.nanosPerByte < this.shape.nanosPerByte
    if (isFaster)
      this.freeAt = nowNanos + Math.round((queuedNanos * shape.nanosPerByte) / this.shape.nanosPerByte)
    this.shape = shape
    if (isHeld) this.held ??= []
    else this.release()
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
    const { from, net, to } = this
    return this.cut || (from !== to && (net.isIsolated(from) || net.isIsolated(to)))
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

  /** Calls back, in the order of asking. A connection asks once for all that it has to send. */
  whenReleased(go: () => void): void {
    this.held?.push(go)
  }

  /** How many wait for a release. */
  get queue(): number {
    return this.held?.length ?? 0
  }

  private release(): void {
    const { held } = this
    if (held === undefined) return
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
    const { from, net, to } = this
    net.driver.tookEffect(fault, `${fault}: ${this.textOf(kind)}`, { from, to })
  }

  tell(
    phase: "send" | "deliver" | "drop",
    kind: Kind,
    id: number,
    bytes: number,
    host?: HostState | undefined,
    payload?: unknown
  ): void {
    if (kind === "credit") return
    const { from, net, to } = this
    const data =
      payload === undefined || !net.driver.isWatched
        ? { phase, id, from, to, bytes }
        : { phase, id, from, to, bytes, payload: show(payload) }
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
