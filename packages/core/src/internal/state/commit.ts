/** One commit of a document: which requests it takes along, what they decide, and what becomes of them. */
import { Cause, Exit, Result } from "effect"
import { OutcomeUnknown } from "../../OutcomeUnknown.ts"
import type { CommitError, Decide, Row } from "../../StateBackend.ts"
import { StateCorrupted, StoreFull } from "./errors.ts"
import type { Pending } from "./request.ts"

export class Commit {
  private readonly queue: Array<Pending>
  private readonly max: number
  private readonly nowMillis: number
  taken: ReadonlyArray<Pending> = []
  /** Whether there was something to write. */
  hasWritten = false

  constructor(queue: Array<Pending>, max: number, nowMillis: number) {
    this.queue = queue
    this.max = max
    this.nowMillis = nowMillis
  }

  readonly decide: Decide = (read) => {
    if (this.taken.length === 0) this.taken = this.queue.slice(0, this.max)
    const rows = new Map<string, Row>()
    for (const request of this.taken) {
      const written = rows.get(request.key)
      const row = request.take(
        written === undefined ? read(request.key) : Result.succeed(written),
        this.nowMillis
      )
      if (row !== undefined) rows.set(request.key, row)
    }
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
