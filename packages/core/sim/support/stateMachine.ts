/**
 * A machine whose processes share state: rows, and locks that belong to processes. Each operation can take its time, find
 * that somebody else is in its way, and fail.
 *
 * A process that is killed lets go of its locks and of the document that it was at, and does nothing any more: what its
 * fibers, if any are left, ask for interrupts them.
 */
import { OutcomeUnknown, type StateBackend, StateStore } from "@holdfast/core"
import { Effect, Result, Stream } from "effect"
import { wait } from "./time.ts"

/** What happens in a commit. */
export interface Course {
  /** Until it looks for the document. */
  readonly beforeNanos: number
  /** Somebody who has nothing to do with it all has the document. */
  readonly isBusy?: boolean | undefined
  /** Between what was decided and what is durable. */
  readonly middleNanos: number
  readonly end: "done" | "full" | "unreadable" | "unknown, and done" | "unknown, and not done"
  /** Between what is durable and the answer. */
  readonly afterNanos: number
}

/** How the operations of a machine go. */
export interface Conditions {
  /** One after the other, for the commits of all processes; then all goes well, and takes `commitNanos`. */
  readonly courses: ReadonlyArray<Course>
  readonly commitNanos: number
  /**
   * Whether a process has the document for itself while it commits; otherwise it finds out at the end that somebody has
   * changed what it had read, and decides again.
   */
  readonly commits: "locking" | "optimistic"
  readonly readNanos: number
  readonly lockNanos: number
  readonly unlockNanos: number
  /** How often others are told of changes, if they are. */
  readonly hintNanos?: number | undefined
  readonly documents: "one" | "each"
}

export const calm: Conditions = {
  courses: [],
  commitNanos: 0,
  commits: "locking",
  readNanos: 0,
  lockNanos: 0,
  unlockNanos: 0,
  documents: "one"
}

type Rows = Map<string, StateBackend.Row>

export class StateMachine {
  readonly rows: Rows = new Map()
  readonly corrupt = new Set<string>()
  /** What was repaired, by where it was put. */
  readonly asides = new Map<string, StateBackend.Row | undefined>()
  /** Who has which lock; documents are among them. */
  readonly locks = new Map<string, string>()
  readonly conditions: Conditions
  private readonly dead = new Set<string>()
  private readonly failures = new Map<number, Course["end"]>()
  private commits = 0

  constructor(conditions: Conditions = calm) {
    this.conditions = conditions
  }

  /** As by `kill -9`. */
  kill(owner: string): void {
    this.dead.add(owner)
    for (const [name, holder] of this.locks) if (holder === owner) this.locks.delete(name)
  }

  /** The end of the n-th commit from now on; the next is 1. */
  failAt(nth: number, end: Course["end"]): void {
    this.failures.set(this.commits + nth - 1, end)
  }

  process(owner: string): StateBackend.StateBackend {
    const { conditions } = this
    const alive = this.alive(owner)
    return {
      label: "machine",
      owner,
      documentOf: (key) => (conditions.documents === "one" ? "document" : `document:${key}`),
      read: (key) =>
        Effect.andThen(
          alive(conditions.readNanos),
          Effect.suspend(() => Effect.fromResult(this.find(key)))
        ),
      commit: (document, decide) => {
        const course = conditions.courses[this.commits] ?? {
          beforeNanos: 0,
          middleNanos: conditions.commitNanos,
          end: this.failures.get(this.commits) ?? "done",
          afterNanos: 0
        }
        this.commits++
        const commit = conditions.commits === "locking" ? this.locking : this.optimistic
        return Effect.andThen(
          alive(course.beforeNanos),
          Effect.suspend(() =>
            course.isBusy === true
              ? Effect.succeed(false)
              : commit(owner, document, decide, course, alive(course.middleNanos))
          )
        ).pipe(Effect.tap(alive(course.afterNanos)))
      },
      tryLock: (name) =>
        Effect.andThen(
          alive(conditions.lockNanos),
          Effect.acquireRelease(
            Effect.sync(() => this.take(name, owner)),
            (isTaken) =>
              isTaken
                ? Effect.andThen(
                    Effect.exit(alive(conditions.unlockNanos)),
                    Effect.sync(() => this.release(name, owner))
                  )
                : Effect.void
          )
        ),
      isLocked: (name) => Effect.map(alive(conditions.lockNanos), () => this.locks.has(name)),
      hints:
        conditions.hintNanos === undefined
          ? Stream.never
          : Stream.forever(Stream.fromEffect(wait(conditions.hintNanos))),
      keys: (prefix) =>
        Effect.map(alive(0), () =>
          Array.from(this.rows)
            .flatMap(([key, { stored }]) => (stored !== undefined && key.startsWith(prefix) ? [key] : []))
            .sort()
        ),
      repair: (key, row) =>
        Effect.flatMap(alive(0), () => {
          if (this.dead.has(owner)) return Effect.interrupt
          if (!this.corrupt.delete(key)) return Effect.undefined
          const aside = `aside/${key}.${this.asides.size}`
          this.asides.set(aside, this.rows.get(key))
          this.rows.set(key, row)
          return Effect.succeed(aside)
        })
    }
  }

  take(name: string, owner: string): boolean {
    if (this.locks.has(name) || this.dead.has(owner)) return false
    this.locks.set(name, owner)
    return true
  }

  release(name: string, owner: string): void {
    if (this.locks.get(name) === owner) this.locks.delete(name)
  }

  find(key: string): Result.Result<StateBackend.Row | undefined, StateStore.StateCorrupted> {
    return this.corrupt.has(key)
      ? Result.fail(new StateStore.StateCorrupted({ store: "machine", key, reason: "Checksum" }))
      : Result.succeed(this.rows.get(key))
  }

  /** Time passes for a process, unless the process was killed. */
  private alive(owner: string): (nanos: number) => Effect.Effect<void> {
    const check = Effect.suspend(() => (this.dead.has(owner) ? Effect.interrupt : Effect.void))
    return (nanos) => Effect.andThen(check, nanos === 0 ? Effect.void : Effect.andThen(wait(nanos), check))
  }

  private readonly locking: Commit = (owner, document, decide, course, middle) =>
    Effect.suspend(() =>
      this.take(document, owner)
        ? Effect.suspend(() => {
            const changed = decide((key) => this.find(key))
            return Effect.andThen(
              middle,
              Effect.suspend(() => this.apply(owner, changed, course))
            )
          }).pipe(Effect.ensuring(Effect.sync(() => this.release(document, owner))))
        : Effect.succeed(false)
    )

  private readonly optimistic: Commit = (owner, _document, decide, course, middle) => {
    const attempt: Effect.Effect<boolean, StateBackend.CommitError> = Effect.suspend(() => {
      const seen = new Map<string, StateBackend.Row | undefined>()
      const changed = decide((key) => {
        seen.set(key, this.rows.get(key))
        return this.find(key)
      })
      const isStale = () => Array.from(seen).some(([key, row]) => this.rows.get(key) !== row)
      return Effect.andThen(
        middle,
        Effect.suspend(() => (isStale() ? attempt : this.apply(owner, changed, course)))
      )
    })
    return attempt
  }

  private apply(owner: string, changed: ReadonlyMap<string, StateBackend.Row>, { end }: Course) {
    // In the same step as the change: a process can be killed between any two.
    if (this.dead.has(owner)) return Effect.interrupt
    if (changed.size === 0) return Effect.succeed(true)
    if (end === "done" || end === "unknown, and done") {
      for (const [key, row] of changed) this.rows.set(key, row)
    }
    return failureOf(end) ?? Effect.succeed(true)
  }
}

type Commit = (
  owner: string,
  document: string,
  decide: StateBackend.Decide,
  course: Course,
  middle: Effect.Effect<void>
) => Effect.Effect<boolean, StateBackend.CommitError>

const failureOf = (end: Course["end"]): Effect.Effect<never, StateBackend.CommitError> | undefined => {
  const cause = new Error(end)
  switch (end) {
    case "done":
      return undefined
    case "full":
      return Effect.fail(new StateStore.StoreFull({ store: "machine", key: "", cause }))
    case "unreadable":
      return Effect.fail(
        new StateStore.StoreUnavailable({ store: "machine", operation: "commit", reason: "Io", cause })
      )
    default:
      return Effect.fail(new OutcomeUnknown({ label: "machine", elapsedMillis: 0, cause }))
  }
}
