/** The history of a run, written down while its operations start and end. */
import { Cause, type Clock, Effect, Exit } from "effect"
import type { Moment, Operation } from "../Linearizability.ts"

/** What a failure says about its operation. */
export type Classify = (error: unknown) => "failed" | "unknown"

/** Whether the operation certainly did not happen: whatever else is in the cause may have come too late. */
const didNotHappen = (cause: Cause.Cause<unknown>, classify: Classify): boolean =>
  cause.reasons.length > 0 &&
  cause.reasons.every((reason) => Cause.isFailReason(reason) && classify(reason.error) === "failed")

export class Log<In, Out> {
  /** By the `seq` of their start, in the order in which they started. */
  private readonly operations = new Map<number, Operation<In, Out>>()
  private readonly clock: Clock.Clock
  private readonly classify: Classify
  private readonly originNanos: bigint
  private seq = 0

  constructor(clock: Clock.Clock, classify: Classify) {
    this.clock = clock
    this.classify = classify
    this.originNanos = clock.monotonicTimeNanosUnsafe()
  }

  history(): ReadonlyArray<Operation<In, Out>> {
    return [...this.operations.values()]
  }

  record<A extends Out, E, R>(
    client: string,
    input: In,
    effect: Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> {
    return Effect.suspend(() => {
      // Written down before anything happens: a host that crashes runs no finalizer, and leaves the operation open.
      const start = this.moment()
      const operation = { client, input, start, end: undefined }
      this.operations.set(start.seq, operation)
      return Effect.onExit(effect, (exit) => Effect.sync(() => this.settle(operation, exit)))
    })
  }

  private settle<A extends Out, E>(operation: Operation<In, Out>, exit: Exit.Exit<A, E>): void {
    const { seq } = operation.start
    if (Exit.isSuccess(exit)) {
      this.operations.set(seq, { ...operation, end: { ...this.moment(), output: exit.value } })
    } else if (didNotHappen(exit.cause, this.classify)) {
      this.operations.delete(seq)
    }
  }

  private moment(): Moment {
    return {
      seq: this.seq++,
      nanos: Number(this.clock.monotonicTimeNanosUnsafe() - this.originNanos)
    }
  }
}
