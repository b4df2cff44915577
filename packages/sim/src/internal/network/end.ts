/** A connection, and its two ends as the operating systems of both hosts see them. */
import { Effect } from "effect"
import type { Address } from "../../Network.ts"
import type { Timer } from "../driver.ts"
import type { HostState } from "../host.ts"
import { ConnectFailed, ConnectionLost } from "./errors.ts"
import { Flow, nothing } from "./flow.ts"
import { Inbox } from "./inbox.ts"
import type { Kind } from "./link.ts"
import type { Net } from "./net.ts"
import { Signal } from "./signal.ts"
import type { Listener } from "./stack.ts"

/** Both ends of a connection. */
export class Line {
  readonly client: End
  readonly server: End

  constructor(net: Net, client: Address, server: Address) {
    this.client = new End(net, this, client, server)
    this.server = new End(net, this, server, client)
    this.client.out.link.connections.add(this.client)
  }

  /** Something between the two cuts it: what is on its way is lost, and both sides learn of it now. */
  cut(): void {
    this.client.out.clear()
    this.server.out.clear()
    this.client.fail("Reset")
    this.server.fail("Reset")
  }

  forget(): void {
    this.client.out.link.connections.delete(this.client)
  }
}

/**
 * - `connecting`: the client has asked.
 * - `halfOpen`: the server has answered.
 * - `open`: each side knows of the other.
 * - `over`: nothing goes in or out any more.
 */
type Phase = "idle" | "connecting" | "halfOpen" | "open" | "over"

/** What a program has written, and how much of it has not yet been sent. */
interface Writing {
  readonly bytes: Uint8Array
  left: number
}

type LossReason = ConnectionLost["reason"]

export class End {
  readonly local: Address
  readonly remote: Address
  readonly out: Flow
  /** Whose end it is; the server's is known when the client's first segment has arrived. */
  life: HostState | undefined = undefined
  phase: Phase = "idle"
  private readonly net: Net
  private readonly line: Line
  private readonly window: number
  private changed: Signal | undefined = undefined
  private listener: Listener | undefined = undefined
  private patience: Timer | undefined = undefined
  private refused: ConnectFailed["reason"] = "Refused"
  private lost: LossReason | undefined = undefined
  /** The program has let go of it; what still arrives for it is answered by a reset. */
  private abandoned = false

  private readonly inbox = new Inbox()
  /** What was read and not yet told to the other side. */
  private owed = 0
  private finReceived = false
  private following = false

  private outbox: Array<Writing> = []
  /** How many bytes the other side has room for. */
  private credit: number
  private finishing = false
  private finSent = false

  constructor(net: Net, line: Line, local: Address, remote: Address) {
    this.net = net
    this.line = line
    this.local = local
    this.remote = remote
    this.out = new Flow(net.link(local.host, remote.host), this)
    this.credit = this.out.link.shape.window
    this.window = net.link(remote.host, local.host).shape.window
  }

  get peer(): End {
    const { client, server } = this.line
    return this === client ? server : client
  }

  belongTo(life: HostState): void {
    this.life = life
    this.changed = new Signal(life)
  }

  /** Waits, on the end's own host, until an attempt gives something. */
  until<A, E>(attempt: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return this.changed === undefined ? Effect.never : this.changed.until(attempt)
  }

  // --------------------------------------------------------------------------
  // What its program asks for
  // --------------------------------------------------------------------------

  dial(timeoutNanos: number): void {
    this.phase = "connecting"
    this.out.send("SYN")
    const { driver, wire } = this.net
    this.patience = driver.startTimer(wire, timeoutNanos, () => {
      this.fail("TimedOut")
      this.out.reset()
    })
  }

  /** Whether the connection was made. */
  dialed(): Effect.Effect<void, ConnectFailed> | undefined {
    if (this.phase === "open") return Effect.void
    if (this.phase !== "over") return undefined
    return Effect.fail(new ConnectFailed({ reason: this.refused, to: this.remote }))
  }

  /** What has arrived, or that nothing more will. */
  take(): Effect.Effect<Uint8Array | undefined, ConnectionLost> | undefined {
    if (this.inbox.size > 0) return Effect.succeed(this.read())
    if (this.finReceived && this.lost === undefined) return Effect.undefined
    return this.fails()
  }

  /** Takes the bytes as they are now: their owner may use the array again. */
  submit(bytes: Uint8Array): Effect.Effect<void, ConnectionLost> {
    if (this.finishing) return Effect.fail(this.failure ?? this.lostBy("Closed"))
    const failure = this.fails()
    if (failure !== undefined || bytes.length === 0) return failure ?? Effect.void
    const writing = { bytes: bytes.slice(), left: bytes.length }
    this.outbox.push(writing)
    this.pump()
    if (writing.left === 0) return Effect.void
    return this.until(() => (writing.left === 0 ? Effect.void : this.fails()))
  }

  /** Why nothing can be done with it any more. */
  get failure(): ConnectionLost | undefined {
    const reason = this.lost ?? (this.abandoned ? "Closed" : undefined)
    return reason === undefined ? undefined : this.lostBy(reason)
  }

  /** Half-close: what was written still goes out first. */
  finish(): void {
    if (this.finishing || this.phase === "over") return
    this.finishing = true
    this.pump()
  }

  /** From now on it ends when the other side has ended and all was read, as a socket of Node.js does by default. */
  follow(): void {
    this.following = true
    this.followEnd()
  }

  /** Whether its program has nothing to do with it any more. */
  get isClosed(): boolean {
    return this.phase === "over" || (this.abandoned && this.finSent)
  }

  /** Closes it for good, after what was written. */
  close(): void {
    if (this.phase === "over") return
    if (this.phase !== "open") return this.reset()
    this.abandoned = true
    this.inbox.clear()
    this.finish()
    this.tell()
    this.peer.probe()
  }

  /** As `close`, but what was not yet sent is dropped. */
  destroy(): void {
    this.outbox = []
    this.close()
  }

  /** Closes it for good, and what was written is lost. */
  reset(): void {
    if (this.phase === "over") return
    this.leave("Closed")
    this.out.reset()
  }

  // --------------------------------------------------------------------------
  // What the network brings
  // --------------------------------------------------------------------------

  /** A client asks to be let in; `false` when there is no room and it must ask again. */
  knock(life: HostState): boolean {
    const listener = this.net.stack(life).listeners.get(this.local.port)
    if (listener?.isFull === true) return false
    this.belongTo(life)
    this.listener = listener
    return true
  }

  receive(kind: Kind, bytes: Uint8Array, credit: number): void {
    switch (kind) {
      case "SYN":
        return this.answer()
      case "SYN-ACK":
        return this.confirm()
      case "ACK":
        return this.enter()
      case "data":
        return this.receiveData(bytes)
      case "FIN":
        return this.receiveFin()
      case "credit":
        this.credit += credit
        return this.pump()
      case "probe":
        return this.phase === "open" && !this.abandoned ? undefined : this.reject()
      case "RST":
        return this.fail("Reset")
    }
  }

  /**
   * While the other side has no room, its operating system is asked now and then whether it is still there (RFC 9293,
   * 3.8.6.1). That only ever finds out that it is not, so here it is asked when that comes about.
   */
  probe(): void {
    if (this.phase === "open" && this.outbox.length > 0) this.out.send("probe")
  }

  private answer(): void {
    const { link } = this.peer.out
    const isRefused = link.shape.refuse
    if (isRefused) link.tookEffect("refuse", "SYN")
    if (isRefused || this.listener === undefined) {
      this.leave("Reset")
      this.out.reset()
      return
    }
    this.phase = "halfOpen"
    this.out.send("SYN-ACK")
  }

  private confirm(): void {
    if (this.phase !== "connecting") return this.out.reset()
    this.phase = "open"
    this.stopDialing()
    this.out.send("ACK")
    this.tell()
  }

  private enter(): void {
    if (this.phase !== "halfOpen") return
    if (this.listener?.isOpen !== true) return this.reset()
    this.phase = "open"
    this.listener.offer(this)
  }

  private receiveData(bytes: Uint8Array): void {
    if (this.phase !== "open" || this.abandoned) return this.reject()
    this.inbox.push(bytes)
    this.tell()
  }

  /** Answers what comes too late. */
  private reject(): void {
    if (this.phase === "open") this.reset()
    else this.out.reset()
  }

  private receiveFin(): void {
    this.finReceived = true
    this.endWhenDone()
    this.tell()
    this.followEnd()
  }

  /** It was lost. What had arrived and was not read is lost with it. */
  fail(reason: LossReason): void {
    if (this.phase === "over") return
    if (reason === "TimedOut") this.refused = "TimedOut"
    this.leave(reason)
  }

  /** The whole connection, by something between the two. */
  cut(): void {
    this.line.cut()
  }

  // --------------------------------------------------------------------------
  // Inside
  // --------------------------------------------------------------------------

  private leave(reason: LossReason): void {
    this.phase = "over"
    this.lost = reason
    this.inbox.clear()
    this.outbox = []
    this.out.stop()
    this.stopDialing()
    this.line.forget()
    this.tell()
    if (reason !== "Reset") this.peer.probe()
  }

  private tell(): void {
    this.changed?.ring()
    if (this.isClosed) this.listener?.forget(this)
  }

  private stopDialing(): void {
    if (this.patience !== undefined) this.net.driver.cancelTimer(this.patience)
    this.patience = undefined
  }

  private endWhenDone(): void {
    if (this.finSent && this.finReceived && this.phase === "open") {
      this.phase = "over"
      this.line.forget()
    }
  }

  private fails(): Effect.Effect<never, ConnectionLost> | undefined {
    const { failure } = this
    return failure === undefined ? undefined : Effect.fail(failure)
  }

  private lostBy(reason: LossReason): ConnectionLost {
    return new ConnectionLost({ reason, local: this.local, remote: this.remote })
  }

  /** Sends what there is room for. */
  private pump(): void {
    if (this.phase !== "open") return
    let progress = false
    let writing = this.outbox[0]
    while (writing !== undefined && this.credit > 0) {
      const { bytes, left } = writing
      const size = Math.min(left, this.credit)
      const from = bytes.length - left
      this.credit -= size
      writing.left -= size
      this.out.send("data", size === bytes.length ? bytes : bytes.subarray(from, from + size))
      if (writing.left > 0) break
      progress = true
      this.outbox.shift()
      writing = this.outbox[0]
    }
    if (progress) this.tell()
    if (!this.finishing || this.finSent || writing !== undefined) return
    this.finSent = true
    this.out.send("FIN")
    this.endWhenDone()
    this.tell()
  }

  /** In a task of its own: what its program does before it waits again goes first. */
  private followEnd(): void {
    const { finReceived, following, inbox, life } = this
    if (life === undefined || !following || !finReceived || inbox.size > 0) return
    life.driver.post(life, () => this.finish(), 0)
  }

  private read(): Uint8Array {
    const { link } = this.peer.out
    const { readAtMost } = link.shape
    let { size } = this.inbox
    if (readAtMost !== Infinity) {
      size = Math.min(size, readAtMost - this.net.driver.choose(readAtMost))
      if (size < this.inbox.size) link.tookEffect("partialRead", "data")
    }
    const bytes = this.inbox.take(size)
    this.followEnd()
    this.owed += size
    // Not for each byte: a window that opens by little is not worth a message (RFC 9293, 3.8.6.2.2).
    if (this.owed * 2 >= this.window && !this.finReceived) {
      this.out.send("credit", nothing, this.owed)
      this.owed = 0
    }
    return bytes
  }
}
