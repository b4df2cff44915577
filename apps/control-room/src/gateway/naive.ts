/** What everybody writes first: the nodes in their order, the next one on a time-out or an error, and no memory. */
import { Cause, Effect } from "effect"
import { Numbers } from "./Numbers.ts"
import { classify, type NodeClient, type NodeError } from "./nodeClient.ts"
import { type AskError, NoneAnswered, type Route } from "./Route.ts"

export const naiveRoute = (clients: ReadonlyArray<NodeClient>): Route => {
  const ask: Route["ask"] = (call) => tryFrom(clients, call, [])
  const send: Route["sendAgain"] = (transaction) => ask((node) => node.submit([transaction]))
  return { ask, send, sendAgain: send }
}

type Failure = NodeError | Cause.TimeoutError

const tryFrom = <A>(
  [node, ...rest]: ReadonlyArray<NodeClient>,
  call: (node: NodeClient) => Effect.Effect<A, NodeError>,
  failures: ReadonlyArray<Failure>
): Effect.Effect<A, AskError> =>
  node === undefined
    ? Effect.fail(new NoneAnswered({ causes: failures, mayHaveArrived: failures.some(mayHaveArrived) }))
    : call(node).pipe(
        Effect.timeout(Numbers.attemptTimeout),
        Effect.catch((failure) => {
          const verdict = Cause.isTimeoutError(failure) ? undefined : classify(failure)
          return verdict?._tag === "CallerFault"
            ? Effect.fail(verdict.error)
            : tryFrom(rest, call, [...failures, failure])
        })
      )

const mayHaveArrived = (failure: Failure): boolean =>
  Cause.isTimeoutError(failure) || classify(failure)._tag === "Unknown"
