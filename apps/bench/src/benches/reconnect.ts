/** What a supervised connection adds to a call, and what it takes to replace it. */
import { Reconnect } from "@holdfast/core"
import { Cause, Effect, Logger, Scope } from "effect"
import type { Bench } from "../Bench.ts"
import type { Group } from "../harness.ts"
import { inOneFiber, workFor } from "../loops.ts"

const settled = Promise.resolve()

/** A client of a protocol, without the network. */
const connection = {
  ask: Effect.callback<number>((resume) => {
    settled.then(() => resume(Effect.succeed(1)))
  })
}

const connect = Effect.acquireRelease(Effect.succeed(connection), () => Effect.void)

// One for all samples, open as long as the process.
const session = await Effect.runPromise(
  Scope.provide(Reconnect.make({ connect, isLost: () => false, stableAfter: 0 }), Scope.makeUnsafe()).pipe(
    Effect.provide(Logger.layer([]))
  )
)

const fixed = "the bare call and 1 µs of fixed work"

const use: Group = {
  name: "use",
  title: "a call over a connection that is up, one after the other",
  peer: fixed,
  by: "added",
  subjects: [
    { name: "bare call", run: inOneFiber(() => connection.ask) },
    { name: fixed, run: inOneFiber(() => Effect.map(connection.ask, (n) => workFor(1, n))) },
    { name: "Reconnect.use", run: inOneFiber(() => session.use(({ ask }) => ask)), target: 1 }
  ]
}

const bare = "connect, ask, and close"

const replace: Group = {
  name: "replace",
  title: "a connection is lost, and the first call over the next one served (for information)",
  peer: bare,
  by: "total",
  subjects: [
    {
      name: bare,
      run: inOneFiber(() => Effect.scoped(Effect.flatMap(connect, ({ ask }) => ask)))
    },
    {
      name: "Reconnect.lose, then use",
      run: inOneFiber(() =>
        Effect.flatMap(session.awaitConnected(), (generation) =>
          Effect.andThen(
            session.lose(generation, Cause.fail("restarted")),
            session.use(({ ask }) => ask)
          )
        )
      )
    }
  ]
}

export const reconnect: Bench = {
  name: "reconnect",
  summary: "Reconnect.use beside the connection itself",
  groups: [use, replace],
  memory: []
}
