/** What the operating system of one life of a host keeps: who listens where, and which ports are taken. */
import type { Address, Message } from "../../Network.ts"
import type { HostState } from "../host.ts"
import { type End, Line } from "./end.ts"
import type { Net } from "./net.ts"
import { Signal } from "./signal.ts"

/** So many connections wait to be accepted; who comes then must ask again. The default of Node.js. */
const maxBacklog = 511

/** Ports for those who do not care: RFC 6335. */
const firstFree = 49_152
export const lastPort = 65_535

/** How long an operating system tries to connect: `tcp_syn_retries` of Linux. */
const connectNanos = 127e9

export class Listener {
  readonly port: number
  readonly changed: Signal
  isOpen = true
  private readonly backlog: Array<End> = []
  /** Those that were accepted and are not closed. */
  private readonly served = new Set<End>()

  constructor(life: HostState, port: number) {
    this.port = port
    this.changed = new Signal(life)
  }

  get isEmpty(): boolean {
    return this.backlog.length === 0
  }

  get isFull(): boolean {
    return this.backlog.length >= maxBacklog
  }

  get isDrained(): boolean {
    return this.served.size === 0
  }

  offer(end: End): void {
    this.backlog.push(end)
    this.changed.ring()
  }

  take(): End | undefined {
    const end = this.backlog.shift()
    if (end !== undefined && !end.isClosed) this.served.add(end)
    return end
  }

  forget(end: End): void {
    if (this.served.delete(end) && this.isDrained) this.changed.ring()
  }

  /** Connections that nobody has accepted are reset. */
  close(): void {
    this.isOpen = false
    for (const end of this.backlog.splice(0)) end.reset()
  }
}

/** Takes what a mailbox gets; says whether there was room. */
export type Slot = (message: Message<unknown>) => boolean

export class Stack {
  readonly life: HostState
  readonly listeners = new Map<number, Listener>()
  readonly slots = new Map<number, Slot>()
  private readonly net: Net
  private nextPort = firstFree

  constructor(net: Net, life: HostState) {
    this.net = net
    this.life = life
  }

  address(port: number): Address {
    return { host: this.life.name, port }
  }

  /** The port itself, or any that is free for 0; `undefined` when it is taken. */
  claim(port: number, taken: ReadonlyMap<number, unknown>): number | undefined {
    if (port !== 0) return taken.has(port) ? undefined : port
    for (let tried = firstFree; tried <= lastPort; tried++) {
      const candidate = this.anyPort()
      if (!taken.has(candidate)) return candidate
    }
    return undefined
  }

  private anyPort(): number {
    const port = this.nextPort
    this.nextPort = port === lastPort ? firstFree : port + 1
    return port
  }

  listen(port: number): Listener | undefined {
    const claimed = this.claim(port, this.listeners)
    if (claimed === undefined) return undefined
    const listener = new Listener(this.life, claimed)
    this.listeners.set(claimed, listener)
    return listener
  }

  unlisten(listener: Listener): void {
    this.listeners.delete(listener.port)
    listener.close()
  }

  dial(to: Address): End {
    const { client } = new Line(this.net, this.address(this.anyPort()), to)
    client.belongTo(this.life)
    client.dial(connectNanos)
    return client
  }
}
