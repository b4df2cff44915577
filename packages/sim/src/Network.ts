/**
 * The network between the hosts of a run: what its links do to messages, as data, and effects that change it.
 *
 * Programs meet it through Effect's own interfaces (`SimSocket`, `SimHttp`), or send messages with `send` and `mailbox`.
 * Hosts have their names as addresses. Every message takes a millisecond and arrives, until a condition says otherwise.
 *
 * **Details**
 *
 * Links are directed: the one from a to b may be cut while the one from b to a works. What a condition does depends on
 * what it meets. A message is lost, comes twice, or is overtaken. A connection is a byte stream over TCP: what is lost
 * is sent again, so all its bytes arrive in order, but later, or the connection ends. What is lost is sent again after
 * 0.2 s, then after 0.4 s and so on up to two minutes apart, and after some 15 minutes the connection is given up; a
 * connection that is being made is tried for 127 s. These are the defaults of Linux.
 *
 * A crashed host is silent: whoever waits for it waits. When it has been restarted, its operating system answers what
 * still comes for connections of its earlier life with a reset. A paused host still acknowledges what it has room for,
 * and accepts nothing.
 *
 * Each fault is counted in the `faults` of the run when it has done something to a message or a connection, under these
 * kinds: `partition`, `loss`, `blackHole`, `hold`, `latency`, `bandwidth`, `drip`, `partialRead`, `refuse`, `reset`,
 * `duplicate`, `reorder`. A latency counts when it exceeds the least that the default has.
 *
 * @since 0.1.0
 */
import { type Duration, Effect, type Queue, type Scope } from "effect"
import { here } from "./internal/machine.ts"
import { mistakeIn } from "./internal/network/conditions.ts"
import { mailbox as openMailbox, resolveHost, sendFrom } from "./internal/network/datagram.ts"
import { AddressInUse, ConnectFailed, ConnectionLost } from "./internal/network/errors.ts"
import type { Link } from "./internal/network/link.ts"
import { type Net, netOf } from "./internal/network/net.ts"

export { AddressInUse, ConnectFailed, ConnectionLost }

/**
 * Where something listens. `"localhost"` is the host itself.
 *
 * @since 0.1.0
 * @category models
 */
export interface Address {
  /** The name of the host. */
  readonly host: string
  readonly port: number
}

/**
 * How long messages take: always the same, or drawn for each message.
 *
 * **Details**
 *
 * With `min` and `max` each time in between is as likely; with a `mean` too, most are near `min` and few are long (an
 * exponential distribution that is cut at `max`). The calm choice is `min`.
 *
 * @since 0.1.0
 * @category models
 */
export type Latency =
  | Duration.Input
  | {
      readonly min: Duration.Input
      readonly max: Duration.Input
      readonly mean?: Duration.Input | undefined
    }

/**
 * What a link does to what travels over it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Conditions {
  /** 1 ms by default, as between machines of one building; a host reaches itself in 20 µs. */
  readonly latency?: Latency | undefined
  /** In bytes per second, for all messages of the link together; no limit by default. Of a datagram, bytes and text count. */
  readonly bandwidth?: number | undefined
  /** How many bytes of a connection may be sent and not yet read; 65,536 by default. Holds for new connections. */
  readonly window?: number | undefined
  /** The chance that a message is lost; 0 by default. Of a connection, it is sent again later. */
  readonly loss?: number | undefined
  /** The chance that a datagram comes twice; 0 by default. */
  readonly duplication?: number | undefined
  /** The chance that a datagram is late by up to ten times the longest latency, and is overtaken; 0 by default. */
  readonly reordering?: number | undefined
  /** A read of a connection gives at most so many bytes, often fewer; no limit by default. 1 makes every read a byte. */
  readonly readAtMost?: number | undefined
  /** What is sent over a connection arrives in pieces of so many bytes, one in each interval. */
  readonly drip?: { readonly bytes: number; readonly every: Duration.Input } | undefined
  /** A connection is reset on both sides when more than so many bytes were sent over it. */
  readonly resetAfter?: number | undefined
  /** Connections are refused as if nothing listened. */
  readonly refuse?: boolean | undefined
  /** Connections are made, and then nothing arrives. Datagrams do not arrive either. */
  readonly blackHole?: boolean | undefined
}

/**
 * Whether only the way from the first host to the second is meant; both ways by default.
 *
 * @since 0.1.0
 * @category models
 */
export interface Direction {
  readonly oneWay?: boolean | undefined
}

/**
 * A datagram that has arrived.
 *
 * @since 0.1.0
 * @category models
 */
export interface Message<out A> {
  /** Who sent it: the address of the mailbox, or port 0 when it was sent without one. */
  readonly from: Address
  readonly payload: A
}

/**
 * Where datagrams arrive.
 *
 * @since 0.1.0
 * @category models
 */
export interface Mailbox<in out A> {
  readonly address: Address
  /** At most 1,024 that were not taken; what comes then is lost. */
  readonly messages: Queue.Dequeue<Message<A>>
  /** Sends with this mailbox as the sender. */
  readonly send: (to: Address, payload: unknown) => Effect.Effect<void>
}

const change = (
  operation: string,
  text: string,
  hosts: ReadonlyArray<string>,
  apply: (net: Net) => void
): Effect.Effect<void> =>
  Effect.flatMap(here(operation), ({ driver }) => {
    const net = netOf(driver)
    const unknown = hosts.find((host) => net.life(host) === undefined)
    if (unknown !== undefined) {
      return Effect.die(
        new Error(`${operation}: there is no host "${unknown}": make it with Host.make first`)
      )
    }
    driver.emit("note", text)
    return Effect.sync(() => apply(net))
  })

const between =
  (operation: string, apply: (link: Link) => void) =>
  (a: string, b: string, { oneWay = false }: Direction = {}): Effect.Effect<void> =>
    change(`Network.${operation}`, `${operation} ${a} ${oneWay ? "→" : "↔"} ${b}`, [a, b], (net) => {
      apply(net.link(a, b))
      if (!oneWay) apply(net.link(b, a))
    })

const checked = (
  operation: string,
  conditions: Conditions,
  then: Effect.Effect<void>
): Effect.Effect<void> => {
  const mistake = mistakeIn(conditions)
  return mistake === undefined ? then : Effect.die(new Error(`${operation}: ${mistake}`))
}

/**
 * Sets what every link does that has no conditions of its own: the nature of this network.
 *
 * @since 0.1.0
 * @category conditions
 */
export const setDefault = (conditions: Conditions): Effect.Effect<void> =>
  checked(
    "Network.setDefault",
    conditions,
    change("Network.setDefault", "the default of all links changes", [], (net) => net.setDefault(conditions))
  )

/**
 * Sets what the links between two hosts do, in place of what was set for them before. What is left out is as in the
 * default; `{}` leaves all of it to the default.
 *
 * @since 0.1.0
 * @category conditions
 */
export const setLink = (
  a: string,
  b: string,
  conditions: Conditions,
  direction?: Direction
): Effect.Effect<void> =>
  checked(
    "Network.setLink",
    conditions,
    between("setLink", (link) => link.set({ conditions }))(a, b, direction)
  )

/**
 * Loses every message between two hosts until `heal`.
 *
 * **Details**
 *
 * Messages that have left arrive. A connection survives, and goes on at its next retry after the partition.
 *
 * @since 0.1.0
 * @category partitions
 */
export const partition: (a: string, b: string, direction?: Direction) => Effect.Effect<void> = between(
  "partition",
  (link) => link.set({ cuts: true })
)

/**
 * Ends the partition between two hosts that `partition` began. One of a fault plan ends in its own time.
 *
 * @since 0.1.0
 * @category partitions
 */
export const heal: (a: string, b: string, direction?: Direction) => Effect.Effect<void> = between(
  "heal",
  (link) => link.set({ cuts: undefined })
)

/**
 * Cuts a host off from all others until `rejoin`.
 *
 * @since 0.1.0
 * @category partitions
 */
export const isolate = (host: string): Effect.Effect<void> =>
  change("Network.isolate", `isolate ${host}`, [host], (net) => net.isolate(host, "program"))

/**
 * Ends the isolation of a host. Partitions between it and others stay.
 *
 * @since 0.1.0
 * @category partitions
 */
export const rejoin = (host: string): Effect.Effect<void> =>
  change("Network.rejoin", `rejoin ${host}`, [host], (net) => net.rejoin(host, "program"))

/**
 * Ends everything that `partition`, `isolate`, `hold`, `setLink` and the faults of a plan began. All links are as in the
 * default again.
 *
 * @since 0.1.0
 * @category partitions
 */
export const healAll: Effect.Effect<void> = change("Network.healAll", "heal all", [], (net) => net.heal())

/**
 * Keeps back every message between two hosts until `release`.
 *
 * **Details**
 *
 * At most 65,536 for each direction; what comes then is lost.
 *
 * @since 0.1.0
 * @category partitions
 */
export const hold: (a: string, b: string, direction?: Direction) => Effect.Effect<void> = between(
  "hold",
  (link) => link.set({ holds: true })
)

/**
 * Lets go of what was held, in the order in which it was sent.
 *
 * @since 0.1.0
 * @category partitions
 */
export const release: (a: string, b: string, direction?: Direction) => Effect.Effect<void> = between(
  "release",
  (link) => link.set({ holds: undefined })
)

/**
 * Resets every connection between two hosts. Both sides learn of it at once; what is on its way is lost.
 *
 * @since 0.1.0
 * @category connections
 */
export const reset: (a: string, b: string) => Effect.Effect<void> = between("reset", (link) =>
  link.resetConnections()
)

/**
 * Sends a datagram from the host that the fiber runs on. It does not wait for anything, and nobody says whether it
 * arrives.
 *
 * **Gotchas**
 *
 * What arrives is a structured clone, because hosts share no memory: instances of classes lose their methods, and
 * functions cannot be sent. Encode them with a `Schema`.
 *
 * @since 0.1.0
 * @category messages
 */
export const send = (to: Address, payload: unknown): Effect.Effect<void> =>
  Effect.flatMap(here("Network.send"), (life) => {
    const net = netOf(life.driver)
    return Effect.map(resolveHost(net, life, to), (known) => sendFrom(net, life, 0, known, payload))
  })

/**
 * Opens a mailbox on a port of the host that the fiber runs on (on any that is free for 0), until its scope closes.
 *
 * **Gotchas**
 *
 * `A` is what senders are believed to send; nothing checks it. Decode with a `Schema` where they may be mistaken.
 *
 * **Example** (A reply that may get lost)
 *
 * ```ts
 * import { Effect, Queue } from "effect"
 * import { Host, Network, Simulation } from "@holdfast/sim"
 *
 * const echo = Effect.gen(function*() {
 *   const mailbox = yield* Network.mailbox(7)
 *   while (true) {
 *     const { from, payload } = yield* Queue.take(mailbox.messages)
 *     yield* mailbox.send(from, payload)
 *   }
 * })
 *
 * const program = Effect.gen(function*() {
 *   yield* Host.make("echo", echo)
 *   const mailbox = yield* Network.mailbox<string>(0)
 *   yield* mailbox.send({ host: "echo", port: 7 }, "hello")
 *   const { payload } = yield* Queue.take(mailbox.messages)
 *   yield* Network.partition("echo", "main", { oneWay: true })
 *   yield* mailbox.send({ host: "echo", port: 7 }, "anybody?")
 *   const silence = yield* Effect.timeoutOption(Queue.take(mailbox.messages), "1 second")
 *   return [payload, silence._tag]
 * })
 *
 * const { exit, faults } = Simulation.run(Effect.scoped(program))
 * console.log(exit._tag === "Success" && exit.value) // => [ 'hello', 'None' ]
 * console.log(faults.get("partition")) // => 1
 * ```
 *
 * @since 0.1.0
 * @category messages
 */
export const mailbox: <A = unknown>(port: number) => Effect.Effect<Mailbox<A>, AddressInUse, Scope.Scope> =
  openMailbox
