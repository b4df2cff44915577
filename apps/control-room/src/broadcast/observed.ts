/** What the servers' own records say. Pure. */
import type { Operation, SeenRequest, SeenServer } from "./servers/Wire.ts"

export const requestsOf = (server: SeenServer, operation: Operation): ReadonlyArray<SeenRequest> =>
  server.requests.filter((request) => request.operation === operation)

/** When the attempts of one operation arrived, in seconds after the first of them. */
export const attemptSeconds = (server: SeenServer, operation: Operation): ReadonlyArray<number> => {
  const requests = requestsOf(server, operation)
  const first = requests[0]?.startMillis ?? 0
  return requests.map((request) => (request.startMillis - first) / 1000)
}

/**
 * The greatest number of requests that were in flight at one time.
 *
 * A client that gives up on one server and goes on to the next closes one connection and opens another in the
 * same instant, and the servers may hear of it in either order. An overlap shorter than `handOverMillis` is that.
 */
export const mostInFlight = (requests: ReadonlyArray<SeenRequest>, handOverMillis = 0): number => {
  const steps = requests.flatMap(({ end, endMillis = Infinity, startMillis }) => {
    // A request that the server itself answered ended before its client could know.
    const until = end === "dropped" ? endMillis - handOverMillis : endMillis
    return until <= startMillis
      ? []
      : [
          { at: startMillis, change: 1 },
          { at: until, change: -1 }
        ]
  })
  steps.sort((a, b) => a.at - b.at || a.change - b.change)
  let inFlight = 0
  let most = 0
  for (const { change } of steps) {
    inFlight += change
    most = Math.max(most, inFlight)
  }
  return most
}

/** What still is open: connections, and requests that were neither answered nor dropped. */
export const leftOpen = (servers: ReadonlyArray<SeenServer>): number =>
  servers.reduce(
    (sum, server) =>
      sum + server.openConnections + server.requests.filter((request) => request.end === "open").length,
    0
  )
