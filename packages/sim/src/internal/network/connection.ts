/** Byte streams between hosts, as effects: what protocols are built on. */
import { Effect, type Scope } from "effect"
import type { Address } from "../../Network.ts"
import type { HostState } from "../host.ts"
import { here } from "../machine.ts"
import type { End } from "./end.ts"
import { AddressInUse, ConnectFailed, type ConnectionLost } from "./errors.ts"
import { netOf } from "./net.ts"
import type { Listener } from "./stack.ts"

export type { Address } from "../../Network.ts"
export { AddressInUse, ConnectFailed, ConnectionLost } from "./errors.ts"

/** One end of a byte stream. Only ever touched from tasks of its own host. */
export interface Connection {
  readonly local: Address
  readonly remote: Address
  /** Ends when the window of the other side has room for all. Interrupted, the bytes are sent all the same. */
  readonly write: (bytes: Uint8Array) => Effect.Effect<void, ConnectionLost>
  /** The same, and ends at once: the bytes leave as there is room for them. */
  readonly hand: (bytes: Uint8Array) => Effect.Effect<void>
  /** All that has arrived, at least a byte; `undefined` after the other side's FIN. */
  readonly read: Effect.Effect<Uint8Array | undefined, ConnectionLost>
  /** FIN, after what was written: this side writes no more. */
  readonly end: Effect.Effect<void>
  /** From now on it ends by itself when the other side has ended and all was read. */
  readonly follow: Effect.Effect<void>
  /** FIN, after what was written, and nothing is read any more: what still arrives is answered by RST. */
  readonly close: Effect.Effect<void>
  /** As `close`, but what was written and not yet sent is dropped. */
  readonly destroy: Effect.Effect<void>
  /** RST: both sides lose the connection, and what is on its way. */
  readonly reset: Effect.Effect<void>
  /** Why nothing can be done with it any more. */
  readonly failure: Effect.Effect<ConnectionLost | undefined>
}

const connectionOf = (end: End): Connection => ({
  local: end.local,
  remote: end.remote,
  write: (bytes) => Effect.suspend(() => end.submit(bytes)),
  // The effect that it gives only waits.
  hand: (bytes) => Effect.sync(() => void end.submit(bytes)),
  read: end.until(() => end.take()),
  end: Effect.sync(() => end.finish()),
  follow: Effect.sync(() => end.follow()),
  close: Effect.sync(() => end.close()),
  destroy: Effect.sync(() => end.destroy()),
  reset: Effect.sync(() => end.reset()),
  failure: Effect.sync(() => end.failure)
})

/** The address with the name of its host; fails for a host that does not exist. */
const resolve = (to: Address, from: HostState): Effect.Effect<Address, ConnectFailed> => {
  const host = netOf(from.driver).resolve(to.host, from)
  return host === undefined
    ? Effect.fail(new ConnectFailed({ reason: "UnknownHost", to }))
    : Effect.succeed({ host, port: to.port })
}

/** Connects, and leaves it to the caller what the end of the scope does to the connection. */
export const connectWith = (
  to: Address,
  release: (connection: Connection) => Effect.Effect<void>
): Effect.Effect<Connection, ConnectFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const life = yield* here("Network.connect")
    const address = yield* resolve(to, life)
    let connection: Connection | undefined
    // First, so that no interruption falls between the two.
    yield* Effect.addFinalizer(() => (connection === undefined ? Effect.void : release(connection)))
    return yield* Effect.suspend(() => {
      const end = netOf(life.driver).stack(life).dial(address)
      const made = connectionOf(end)
      connection = made
      return Effect.as(
        end.until(() => end.dialed()),
        made
      )
    })
  })

/** Connects. A scope that closes before both sides have ended the connection resets it. */
export const connect = (to: Address): Effect.Effect<Connection, ConnectFailed, Scope.Scope> =>
  connectWith(to, ({ reset }) => reset)

export interface Listening {
  readonly address: Address
  /** The next connection. It belongs to the caller, who ends or resets it. */
  readonly accept: Effect.Effect<Connection>
  /** Gives the next connection to an effect that is not interrupted, so that no interruption loses the connection. */
  readonly acceptWith: <A, E, R>(
    use: (connection: Connection) => Effect.Effect<A, E, R>
  ) => Effect.Effect<A, E, R>
  /** Waits until every connection that was accepted is lost, has ended, or was closed with all that was written sent. */
  readonly drained: Effect.Effect<void>
}

/** Listens on a port, on any that is free for 0, until the scope closes or the host crashes. */
export const listen = (port: number): Effect.Effect<Listening, AddressInUse, Scope.Scope> =>
  Effect.gen(function* () {
    const life = yield* here("Network.listen")
    const stack = netOf(life.driver).stack(life)
    const listener = yield* Effect.acquireRelease(
      Effect.suspend(() => {
        const made = stack.listen(port)
        return made === undefined
          ? Effect.fail(new AddressInUse({ address: stack.address(port) }))
          : Effect.succeed(made)
      }),
      (made) => Effect.sync(() => stack.unlisten(made))
    )
    return {
      address: stack.address(listener.port),
      accept: acceptOn(listener, Effect.succeed),
      acceptWith: (use) => acceptOn(listener, use),
      drained: listener.changed.until(() => (listener.isDrained ? Effect.void : undefined))
    }
  })

const acceptOn = <A, E, R>(
  listener: Listener,
  use: (connection: Connection) => Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(
      restore(listener.changed.until(() => (listener.isEmpty ? undefined : Effect.void))),
      () => {
        const end = listener.take()
        // Another fiber was faster.
        return end === undefined ? restore(acceptOn(listener, use)) : use(connectionOf(end))
      }
    )
  )
