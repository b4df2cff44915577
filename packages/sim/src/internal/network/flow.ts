/**
 * One direction of a connection: what was sent arrives complete and in order, or not at all.
 *
 * Only the head of the queue has a timer. Timers of one instant race, so with one for each segment two that were sent
 * together could overtake each other.
 */
import type { End } from "./end.ts"
import type { Kind, Link } from "./link.ts"

export const nothing = new Uint8Array(0)

interface Segment {
  readonly kind: Kind
  readonly bytes: Uint8Array
  /** Bytes that the other side may send again. */
  readonly credit: number
  id: number
  atNanos: number
  /** How many of its bytes have dripped through. */
  offset: number
  hasWaited: boolean
  /** The fault that hit it last: one that hits it again and again counts once. */
  fault: string
}

const segmentOf = (kind: Kind, bytes: Uint8Array, credit: number): Segment => ({
  kind,
  bytes,
  credit,
  id: 0,
  atNanos: 0,
  offset: 0,
  hasWaited: false,
  fault: ""
})

const second = 1e9

/**
 * What is lost is sent again after 0.2 s, then after twice as long each time, 15 times, as Linux does: RFC 6298 and
 * `tcp_retries2`. That makes 924.6 s until a connection is given up.
 */
const firstRetry = 0.2 * second
const longestRetry = 120 * second
const maxRetries = 15

/** Before a round trip was measured: RFC 6298 (2.1). */
const firstHandshakeRetry = second

export class Flow {
  readonly link: Link
  private readonly from: End
  /** What has left, in order. */
  private inFlight: Array<Segment> = []
  private armed = false
  private lastAt = 0
  private notBefore = 0
  /** What was sent after `inFlight` and has not left, in order: its first was lost or is held. */
  private waiting: Array<Segment> = []
  private held = false
  private retrying = false
  private retries = 0
  private carried = 0
  /** Nothing leaves any more. What has left still arrives. */
  private stopped = false

  constructor(link: Link, from: End) {
    this.link = link
    this.from = from
  }

  send(kind: Kind, bytes: Uint8Array = nothing, credit = 0): void {
    if (!this.stopped) this.submit(segmentOf(kind, bytes, credit))
  }

  /** A reset overtakes what waits to be sent, and is not repeated when it is lost. */
  reset(): void {
    this.stop()
    this.submit(segmentOf("RST", nothing, 0))
  }

  stop(): void {
    this.stopped = true
    for (const segment of this.waiting) if (segment.id !== 0) this.tell("drop", segment)
    this.waiting = []
  }

  /** Nothing arrives any more either. */
  clear(): void {
    this.stop()
    for (const segment of this.inFlight) this.tell("drop", segment)
    this.inFlight = []
  }

  // --------------------------------------------------------------------------
  // Leaving
  // --------------------------------------------------------------------------

  /** Only here does a segment leave, and only when none waits before it. */
  private submit(segment: Segment): void {
    if (this.link.isHeld) return this.wait(segment)
    if (this.waiting.length > 0) {
      this.waiting.push(segment)
      return
    }
    this.number(segment)
    const fault = this.link.swallows(segment.kind)
    if (fault === undefined) return this.depart(segment)
    this.blame(segment, fault)
    this.lose(segment)
  }

  private wait(segment: Segment): void {
    this.number(segment)
    this.blame(segment, "hold")
    this.waiting.push(segment)
    if (this.held) return
    this.held = true
    this.link.whenReleased(() => {
      this.held = false
      this.resubmit()
    })
  }

  private resubmit(): void {
    const { waiting } = this
    this.waiting = []
    for (const segment of waiting) {
      segment.hasWaited = true
      this.submit(segment)
    }
  }

  private depart(segment: Segment): void {
    const { link } = this
    const room = link.shape.resetAfter - this.carried
    if (segment.kind !== "data" || segment.bytes.length <= room) return this.launch(segment)
    if (room > 0) this.launch({ ...segment, bytes: segment.bytes.subarray(0, room) })
    link.tookEffect("reset", "data")
    // Whatever stands in the way and cuts the connection tells both sides.
    this.cut()
    this.from.peer.out.cut()
  }

  /** A reset from the middle, behind all that is on its way, so that the reader sees how far it got. */
  private cut(): void {
    this.stop()
    const { driver } = this.link.net
    const segment = segmentOf("RST", nothing, 0)
    this.number(segment)
    this.lastAt = Math.max(this.lastAt, driver.nowNanos) + this.link.shape.minNanos
    this.launch(segment)
  }

  private launch(segment: Segment): void {
    const { bytes, kind } = segment
    this.carried += bytes.length
    segment.atNanos = Math.max(this.lastAt, this.link.arrival(kind, bytes.length))
    this.lastAt = segment.atNanos
    this.inFlight.push(segment)
    this.arm()
  }

  // --------------------------------------------------------------------------
  // Arriving
  // --------------------------------------------------------------------------

  private arm(): void {
    const head = this.inFlight[0]
    if (head === undefined || this.armed) return
    this.armed = true
    const { driver, wire } = this.link.net
    const wait = Math.max(head.atNanos, this.notBefore) - driver.nowNanos
    if (head.atNanos < this.notBefore) this.blame(head, "drip")
    if (wait > 0) driver.startTimer(wire, wait, this.onArrival)
    else driver.post(wire, this.onArrival, 0)
  }

  private readonly onArrival = (): void => {
    this.armed = false
    const segment = this.inFlight[0]
    if (segment !== undefined) this.arrive(segment)
  }

  /** What becomes of a segment depends on who is there now: the life that it was meant for, another one, or none. */
  private arrive(segment: Segment): void {
    const { link } = this
    const { peer } = this.from
    const life = link.net.life(link.to)
    if (life === undefined || life.status === "dead") return this.loseAll()
    if (segment.kind === "SYN") {
      if (!peer.knock(life)) return this.loseAll()
    } else if (peer.life !== life) {
      this.loseAll()
      if (segment.kind !== "RST") peer.out.reset()
      return
    }
    const bytes = this.drip(segment)
    // One that left before the loss says nothing of the way as it is now.
    if (segment.hasWaited || this.waiting.length === 0) this.retries = 0
    const isWhole = segment.offset === segment.bytes.length
    if (isWhole) this.inFlight.shift()
    // Before the receiver is woken, so that in a calm run it finds all that arrived at this instant.
    this.arm()
    if (isWhole) link.tell("deliver", segment.kind, segment.id, segment.bytes.length, life)
    peer.receive(segment.kind, bytes, segment.credit)
  }

  /** As many bytes as may pass now. */
  private drip(segment: Segment): Uint8Array {
    const { bytes, offset } = segment
    const { dripBytes, dripNanos } = this.link.shape
    if (bytes.length === 0) return bytes
    if (dripNanos > 0) this.notBefore = this.link.net.driver.nowNanos + dripNanos
    segment.offset = Math.min(bytes.length, offset + dripBytes)
    if (segment.offset < bytes.length) this.blame(segment, "drip")
    return offset === 0 && segment.offset === bytes.length ? bytes : bytes.subarray(offset, segment.offset)
  }

  // --------------------------------------------------------------------------
  // Losses
  // --------------------------------------------------------------------------

  private lose(segment: Segment): void {
    this.tell("drop", segment)
    if (segment.kind === "RST" || this.stopped) return
    segment.id = 0
    segment.offset = 0
    this.waiting.push(segment)
    this.retryLater()
  }

  private loseAll(): void {
    const lost = this.inFlight
    const { waiting } = this
    this.inFlight = []
    this.waiting = []
    for (const segment of lost) this.lose(segment)
    this.waiting.push(...waiting)
  }

  private retryLater(): void {
    const head = this.waiting[0]
    if (this.retrying || head === undefined) return
    this.retrying = true
    const isHandshake = head.kind === "SYN" || head.kind === "SYN-ACK"
    const wait = (isHandshake ? firstHandshakeRetry : firstRetry) * 2 ** this.retries++
    const { driver, wire } = this.link.net
    driver.startTimer(wire, Math.min(longestRetry, wait), () => this.retry())
  }

  private retry(): void {
    this.retrying = false
    // The operating system that would send it again died with its host.
    if (this.from.life?.status === "dead") return this.stop()
    if (this.retries > maxRetries) return this.from.fail("TimedOut")
    this.resubmit()
  }

  // --------------------------------------------------------------------------
  // What is told of it
  // --------------------------------------------------------------------------

  private blame(segment: Segment, fault: string): void {
    if (segment.fault === fault) return
    segment.fault = fault
    this.link.tookEffect(fault, segment.kind)
  }

  private number(segment: Segment): void {
    if (segment.id !== 0) return
    segment.id = this.link.net.nextMessage()
    this.tell("send", segment)
  }

  private tell(phase: "send" | "drop", segment: Segment): void {
    this.link.tell(phase, segment.kind, segment.id, segment.bytes.length, this.from.life)
  }
}
