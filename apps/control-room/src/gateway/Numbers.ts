/** How long everything may take, and how much there is of it. */
import { Backoff } from "@holdfast/core"
import { Duration } from "effect"

export const Numbers = {
  /** The defaults of `Failover`, from which the promises are computed. */
  interval: Duration.seconds(2),
  probeTimeout: Duration.seconds(1),
  threshold: Duration.millis(500),
  attemptTimeout: Duration.millis(3500),
  dwell: Duration.seconds(10),
  /** Of a request, over all nodes. */
  deadline: Duration.seconds(12),
  nonces: { askTimeout: Duration.seconds(12), wait: Duration.seconds(30), attempts: 3 },
  /** How long it is tried to find out what became of a transaction, and the pause between two tries. */
  settle: { timeout: Duration.seconds(15), backoff: Backoff.constant("250 millis") },
  /** The workload: each account pays, and somebody reads a balance, once in so long. */
  accounts: ["ada", "bob", "eve", "kim"],
  paymentInterval: Duration.millis(800),
  readInterval: Duration.millis(80),
  /** How long those requests may go on that had begun when the workload ended. */
  drain: Duration.seconds(5),
  /** The latencies of the three nodes, of which the first is the primary. */
  latencies: [50, 80, 40]
} as const

export const seconds = (duration: Duration.Duration): number => Duration.toSeconds(duration)
