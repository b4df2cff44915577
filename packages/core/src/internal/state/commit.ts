/** One commit of a document: which requests it takes along, what they decide, and what becomes of them. */
import { Cause, type Clock, Exit, Result } from "effect"
import { OutcomeUnknown } from "../../OutcomeUnknown.ts"
import type { CommitError, Decide, Row } from "../../StateBackend.ts"
import { StateCorrupted, StoreFull } from "./errors.ts"
import type { Pending } from "./request.ts"

/** Whoever decides blocks the event loop: after this time, the rest comes with the next commit. */
const maxNanos = 10_000_000n

export class Commit {
  private readonly queue: Array<Pending>
  private readonly max: number
  private readonly clock: Clock.Clock
  taken: ReadonlyArray<Pending> = []
  /** Deciding took so long that not all were taken along that could have been. */
  hasLeftSome = false
  /** Whether there was something to write. */
  hasWritten = false

  constructor(queue: Array<Pending>, max: number, clock: Clock.Clock) {
    this.queue = queue
    this.max = max
    this.clock = clock
  }

  readonly decide: Decide = (read) => {
    const { clock, taken } = this
    const nowMillis = clock.currentTimeMillisUnsafe()
    const endNanos = clock.monotonicTimeNanosUnsafe() + maxNanos
    const rows = new Map<string, Row>()
    let count = 0
    // When it has to be decided again, it is about the same requests.
    for (const request of taken.length > 0 ? taken : this.queue.slice(0, this.max)) {
      if (taken.length === 0 && count > 0 && clock.monotonicTimeNanosUnsafe() >= endNanos) {
        this.hasLeftSome = true
        break
      }
      count++
      const written = rows.get(request.key)
      const row = request.take(written === undefined ? read(request.key) : Result.succeed(written), nowMillis)
      if (row !== undefined) rows.set(request.key, row)
    }
    if (taken.length === 0) this.taken = this.queue.slice(0, count)
    this.hasWritten = rows.size > 0
    return rows
  }

  putBack(): void {
    for (const request of this.taken) request.putBack()
    const stay = this.queue.filter(({ state }) => state === "Waiting")
    this.queue.splice(0, this.queue.length, ...stay)
  }

  succeed(): void {
    this.queue.splice(0, this.taken.length)
    for (const request of this.taken) request.settle()
  }

  fail(cause: Cause.Cause<CommitError>): void {
    // It failed before anything was decided: then it would have failed for all.
    if (this.taken.length === 0) this.taken = this.queue.slice(0, this.max)
    this.queue.splice(0, this.taken.length)
    for (const request of this.taken) {
      request.settle(Exit.failCause(Cause.map(cause, (error) => about(error, request.key))))
    }
  }
}

/** Of all that share a commit, each is told about its own key. The cause of an error is not among what a spread copies. */
const about = (error: CommitError, key: string): CommitError => {
  const { cause } = error
  switch (error._tag) {
    case "StoreFull":
      return new StoreFull({ store: error.store, key, cause })
    case "StateCorrupted":
      return new StateCorrupted({ ...error, key, ...(cause === undefined ? {} : { cause }) })
    case "OutcomeUnknown":
      return new OutcomeUnknown({ ...error, operationId: key, cause })
    case "StoreUnavailable":
      return error
  }
}
