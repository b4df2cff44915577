/**
 * A decision that waits for a commit.
 *
 *   Waiting ──a commit has the document──▶ Taken ──it is durable, or has failed──▶ Settled
 *   Taken ──there was a conflict, or no room for all of the commit──▶ Waiting
 *   Waiting ──its caller gives up, or is interrupted──▶ Abandoned
 *
 * Who waits is not told before the commit is over, so nothing of a caller runs inside of one but his decision.
 */
import { type Effect, Exit, type Result } from "effect"
import type { CommitError, Row } from "../../StateBackend.ts"
import type * as lock from "../lock/errors.ts"
import { Watchers } from "../watchers.ts"
import type { StateCorrupted } from "./errors.ts"

export type Found = Result.Result<Row | undefined, StateCorrupted>

/** What a decision came to: the row that it changes, and what its caller gets when that is durable. */
export interface Step<A, E> {
  readonly row?: Row | undefined
  readonly exit: Exit.Exit<A, E>
}

export type Decision<A, E> = (found: Found, nowMillis: number) => Step<A, E>

export type Failure = CommitError | lock.LockTimeout

/** A request as the queue sees it, whatever it decides. */
export interface Pending {
  readonly key: string
  /** It waits for no other try: it fails with this when somebody else has the document. */
  readonly impatient: lock.LockTimeout | undefined
  readonly state: "Waiting" | "Taken" | "Settled"
  /** Decides, and says what to write. */
  take(found: Found, nowMillis: number): Row | undefined
  /** What was decided does not count: it waits again, or ends when its caller has left meanwhile. */
  putBack(): void
  /** Its caller does not wait any more: it ends when it is put back. */
  abandon(): void
  /** It ends with what was decided, or with this. */
  settle(failure?: Exit.Exit<never, Failure>): void
}

export class Request<A, E> implements Pending {
  readonly key: string
  impatient: lock.LockTimeout | undefined
  private readonly decide: Decision<A, E>
  private readonly watchers = new Watchers()
  private isAbandoned = false
  private step: Step<A, E> | undefined
  private exit: Exit.Exit<A, E | Failure> | undefined
  state: "Waiting" | "Taken" | "Settled" = "Waiting"

  constructor(key: string, decide: Decision<A, E>, impatient: lock.LockTimeout | undefined) {
    this.key = key
    this.decide = decide
    this.impatient = impatient
  }

  take(found: Found, nowMillis: number): Row | undefined {
    this.state = "Taken"
    // Who has left must not have done anything in a world that has changed since.
    this.step = this.isAbandoned ? { exit: Exit.interrupt() } : apart(() => this.decide(found, nowMillis))
    return this.step.row
  }

  putBack(): void {
    this.state = "Waiting"
    this.step = undefined
    if (this.isAbandoned) this.settle(Exit.interrupt())
  }

  abandon(): void {
    this.isAbandoned = true
  }

  settle(failure?: Exit.Exit<never, Failure>): void {
    const exit = failure ?? this.step?.exit
    if (this.state === "Settled" || exit === undefined) return
    this.state = "Settled"
    this.exit = exit
    this.watchers.tell()
  }

  get settled(): Effect.Effect<A, E | Failure> {
    return this.watchers.until(() => this.exit)
  }
}

/** A decision that throws is its caller's bug, and nobody else's. */
const apart = <A, E>(decide: () => Step<A, E>): Step<A, E> => {
  try {
    return decide()
  } catch (defect) {
    return { exit: Exit.die(defect) }
  }
}
