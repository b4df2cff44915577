/** Decisions that share commits: a queue for each document, and one fiber that commits while it is not empty. */
import { Cause, Clock, Effect, Exit, Metric, Option, type Scope } from "effect"
import type { CommitError, StateBackend } from "../../StateBackend.ts"
import { Current } from "../limit.ts"
import { Commit } from "./commit.ts"
import { closed } from "./errors.ts"
import { briefly } from "./pause.ts"
import type { Pending } from "./request.ts"
import { Slices } from "./slices.ts"

/** The most decisions of one commit: the others come with the next. */
const maxShared = 4096

const commitsTotal = Metric.counter("holdfast_state_commits", {
  description: "Commits of decisions about stored state",
  incremental: true
})
const decisionsTotal = Metric.counter("holdfast_state_decisions", {
  description: "Decisions that such commits were made of",
  incremental: true
})
const busyTotal = Metric.counter("holdfast_state_busy", {
  description: "Commits that somebody else's was in the way of",
  incremental: true
})

interface Queue {
  readonly document: string
  readonly requests: Array<Pending>
  /** How many of the next commits are for one request only, as there was no room for all of them together. */
  alone: number
}

export class Documents {
  private readonly backend: StateBackend
  private readonly scope: Scope.Scope
  private readonly onWritten: () => void
  private readonly slices: Slices
  /** A document has one while its fiber runs. */
  private readonly queues = new Map<string, Queue>()
  private isClosed = false

  constructor(backend: StateBackend, scope: Scope.Scope, onWritten: () => void) {
    this.backend = backend
    this.scope = scope
    this.onWritten = onWritten
    this.slices = new Slices(backend)
  }

  /** Takes the last place. Whoever does has to leave. */
  join(request: Pending): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.isClosed) {
        request.settle(closed(this.backend.label, "commit"))
        return Effect.void
      }
      const document = this.backend.documentOf(request.key)
      const known = this.queues.get(document)
      if (known !== undefined) {
        known.requests.push(request)
        return Effect.void
      }
      const queue = { document, requests: [request], alone: 0 }
      this.queues.set(document, queue)
      // A commit belongs to all who share it: the deadline of the first is not its own.
      const drain = Effect.provideService(this.drain(queue), Current, undefined)
      return Effect.asVoid(Effect.forkIn(drain, this.scope))
    })
  }

  leave(request: Pending): void {
    request.abandon()
    if (request.state !== "Waiting") return
    const requests = this.queues.get(this.backend.documentOf(request.key))?.requests ?? []
    const place = requests.indexOf(request)
    if (place !== -1) requests.splice(place, 1)
  }

  /** A bug of this file, or of a backend, must not keep its callers waiting. */
  private readonly die = (queue: Queue, cause: Cause.Cause<never>): void => {
    this.queues.delete(queue.document)
    for (const request of queue.requests.splice(0)) request.settle(Exit.failCause(cause))
  }

  /** Ends whoever still waits. To be called when the scope has ended the fibers. */
  close(): void {
    this.isClosed = true
    for (const { requests } of this.queues.values()) {
      for (const request of requests) request.settle(closed(this.backend.label, "commit"))
    }
    this.queues.clear()
  }

  private drain(queue: Queue): Effect.Effect<void> {
    const next = Clock.clockWith((clock) => this.commit(queue, clock))
    const isEmpty = () => queue.requests.length === 0
    const isOver = () => {
      if (isEmpty()) this.queues.delete(queue.document)
      return isEmpty()
    }
    const commits = Effect.whileLoop({ while: () => !isOver(), body: () => next, step: () => {} })
    // Whoever comes at the same moment shares the first commit already.
    return Effect.andThen(Effect.yieldNow, commits).pipe(
      Effect.ensuring(Effect.suspend(() => this.slices.giveUp(queue.document))),
      Effect.onError((cause) =>
        Cause.hasInterruptsOnly(cause) ? Effect.void : Effect.sync(() => this.die(queue, cause))
      )
    )
  }

  private commit(queue: Queue, clock: Clock.Clock): Effect.Effect<void> {
    const { alone, document, requests } = queue
    const commit = new Commit(requests, alone > 0 ? 1 : maxShared, clock)
    const isOnce = requests.some(({ impatient }) => impatient !== undefined)
    const commitInTurn = Effect.flatMap(this.slices.begin(document, isOnce), (mayCommit) =>
      mayCommit ? this.backend.commit(document, commit.decide) : Effect.succeed(false)
    )
    const attempt = Effect.flatMap(Effect.exit(commitInTurn), (exit) => {
      if (Exit.isSuccess(exit) && !exit.value) return this.comeAgain(queue, commit)
      return this.slices.committed(document).pipe(
        Effect.ensuring(Effect.sync(() => this.conclude(queue, commit, exit))),
        Effect.andThen(Metric.update(commitsTotal, 1)),
        Effect.andThen(Metric.update(decisionsTotal, commit.taken.length)),
        // Timers, such as those of deadlines, come before the rest.
        Effect.andThen(Effect.suspend(() => (commit.hasLeftSome ? Effect.yieldNow : Effect.void)))
      )
    })
    // What is durable is told, also when the scope closes meanwhile.
    return Effect.uninterruptible(attempt)
  }

  private conclude(queue: Queue, commit: Commit, exit: Exit.Exit<boolean, CommitError>): void {
    queue.alone = Math.max(0, queue.alone - 1)
    if (Exit.isSuccess(exit)) {
      if (commit.hasWritten) this.onWritten()
      commit.succeed()
    } else if (isFull(exit.cause) && commit.taken.length > 1) {
      // One that is too large must not fail the others.
      queue.alone = commit.taken.length
      commit.putBack()
    } else {
      // Of what is unknown, a part may be there.
      this.onWritten()
      commit.fail(exit.cause)
    }
  }

  /** Somebody else has the document: who wants one try has had it, the others wait a little. */
  private comeAgain({ document, requests }: Queue, commit: Commit): Effect.Effect<void> {
    commit.putBack()
    for (const request of Array.from(requests)) {
      if (request.impatient === undefined) continue
      this.leave(request)
      request.settle(Exit.fail(request.impatient))
    }
    const wait = Effect.interruptible(this.slices.isInLine(document) ? Effect.sleep(1) : briefly)
    return Effect.andThen(Metric.update(busyTotal, 1), requests.length === 0 ? Effect.void : wait)
  }
}

const isFull = (cause: Cause.Cause<CommitError>): boolean =>
  Option.exists(Cause.findErrorOption(cause), ({ _tag }) => _tag === "StoreFull")
