/** Messages without a connection: each may be lost, come twice or too late, and nobody is told. */
import { Effect, Queue } from "effect"
import type { Address, Mailbox, Message } from "../../Network.ts"
import type { HostState } from "../host.ts"
import { here } from "../machine.ts"
import { happens } from "./conditions.ts"
import { AddressInUse } from "./errors.ts"
import type { Link } from "./link.ts"
import { type Net, netOf } from "./net.ts"
import { lastPort } from "./stack.ts"

/** So many messages a mailbox keeps; those that come then are lost, as from the buffer of a real socket. */
const maxUnread = 1024

/** A message that is overtaken is late by up to so many times the longest latency of its link. */
const latestInLatencies = 10

/** So many a link holds back; what comes then is lost, as in any real queue. */
const maxHeld = 65_536

interface Letter extends Message<unknown> {
  readonly to: Address
  readonly bytes: number
}

/** Hosts share no memory, so what is sent is a copy. */
const copyOf = (payload: unknown): unknown => (isPrimitive(payload) ? payload : structuredClone(payload))

const isPrimitive = (payload: unknown): boolean =>
  payload === null || !["object", "function", "symbol"].includes(typeof payload)

const sizeOf = (payload: unknown): number => {
  if (typeof payload === "string") return payload.length
  return ArrayBuffer.isView(payload) ? payload.byteLength : 0
}

export const sendFrom = (net: Net, life: HostState, port: number, to: Address, payload: unknown): void => {
  const from = net.stack(life).address(port)
  const letter = { from, to, payload: copyOf(payload), bytes: sizeOf(payload) }
  const link = net.link(from.host, to.host)
  const id = net.nextMessage()
  link.tell("send", "datagram", id, letter.bytes, life, payload)
  if (!link.isHeld) return dispatch(link, letter, id)
  link.tookEffect("hold", "datagram")
  if (link.queue >= maxHeld) return link.tell("drop", "datagram", id, letter.bytes, life)
  link.whenReleased(() => dispatch(link, letter, id))
}

const dispatch = (link: Link, letter: Letter, id: number): void => {
  const { choose } = link.net.driver
  const fault = link.swallows("datagram")
  if (fault !== undefined) {
    link.tookEffect(fault, "datagram")
    link.tell("drop", "datagram", id, letter.bytes)
    return
  }
  const number = link.sent++
  launch(link, letter, id, number)
  if (!happens(link.shape.duplication, choose)) return
  link.tookEffect("duplicate", "datagram")
  const again = link.net.nextMessage()
  link.tell("send", "datagram", again, letter.bytes)
  // A copy does not count as one that was overtaken.
  launch(link, { ...letter, payload: copyOf(letter.payload) }, again, Infinity)
}

/** Without reordering they arrive in the order in which they were sent, whatever their latencies are. */
const launch = (link: Link, letter: Letter, id: number, number: number): void => {
  const { net, shape } = link
  const { choose, nowNanos } = net.driver
  let at = link.arrival("datagram", letter.bytes)
  if (happens(shape.reordering, choose)) {
    at += Math.round((shape.maxNanos * latestInLatencies * (1 + choose(64))) / 64)
  } else {
    // By a nanosecond, because timers of one instant race.
    at = Math.max(at, link.lastArrival + 1)
    link.lastArrival = at
  }
  net.driver.startTimer(net.wire, at - nowNanos, () => arrive(link, letter, id, number))
}

const arrive = (link: Link, letter: Letter, id: number, number: number): void => {
  const { net } = link
  const life = net.life(link.to)
  const slot = life === undefined ? undefined : net.stack(life).slots.get(letter.to.port)
  if (life === undefined || life.status === "dead" || slot === undefined) {
    return link.tell("drop", "datagram", id, letter.bytes)
  }
  if (number < link.latest) link.tookEffect("reorder", "datagram")
  else if (number !== Infinity) link.latest = number
  net.driver.post(
    life,
    () => link.tell(slot(letter) ? "deliver" : "drop", "datagram", id, letter.bytes, life, letter.payload),
    0
  )
}

export const mailbox = <A>(port: number) =>
  Effect.gen(function* () {
    const life = yield* here("Network.mailbox")
    const net = netOf(life.driver)
    const stack = net.stack(life)
    if (!Number.isInteger(port) || port < 0 || port > lastPort) {
      return yield* Effect.die(new Error(`Network.mailbox: a port is from 0 to ${lastPort}, not ${port}`))
    }
    const messages = yield* Effect.acquireRelease(Queue.dropping<Message<A>>(maxUnread), Queue.shutdown)
    const claimed = yield* Effect.acquireRelease(
      Effect.suspend(() => {
        const free = stack.claim(port, stack.slots)
        if (free === undefined) return Effect.fail(new AddressInUse({ address: stack.address(port) }))
        stack.slots.set(free, ({ from, payload }) =>
          // house: what senders send is not checked, as the documentation of `mailbox` says
          Queue.offerUnsafe(messages, { from, payload: payload as A })
        )
        return Effect.succeed(free)
      }),
      (free) => Effect.sync(() => stack.slots.delete(free))
    )
    const opened: Mailbox<A> = {
      address: stack.address(claimed),
      messages,
      send: (to, payload) =>
        Effect.map(resolveHost(net, life, to), (known) => sendFrom(net, life, claimed, known, payload))
    }
    return opened
  })

/** A name that nobody has is a mistake in the test, not a fault of the network. */
export const resolveHost = (net: Net, life: HostState, to: Address): Effect.Effect<Address> => {
  const host = net.resolve(to.host, life)
  return host === undefined
    ? Effect.die(new Error(`there is no host "${to.host}": make it with Host.make first`))
    : Effect.succeed({ host, port: to.port })
}
