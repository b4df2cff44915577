/** A machine that several processes keep state on: rows and locks in memory, and a disk that is slow and fails on demand. */
import type { StateBackend } from "@holdfast/core"
import { OutcomeUnknown, StateStore } from "@holdfast/core"
import { Effect, Result, Stream } from "effect"

type Failure = StateStore.StoreFull | StateStore.StoreUnavailable | OutcomeUnknown

export class Machine {
  readonly rows = new Map<string, StateBackend.Row>()
  readonly corrupt = new Set<string>()
  /** What is locked, by its name; documents too. */
  readonly locks = new Set<string>()
  private readonly takers = new Map<string, number>()
  private takes = 0
  commitMillis = 0
  /** How long it takes to be told whether one has a lock. */
  lockMillis = 0
  commits = 0
  /** Fails a commit after it was decided, or does not, from what it would write. */
  failure: ((keys: ReadonlyArray<string>) => Failure | undefined) | undefined
  /** How many commits meet a conflict after they were decided. */
  conflicts = 0

  process(owner = "pid 1"): StateBackend.StateBackend {
    const found = (key: string): Result.Result<StateBackend.Row | undefined, StateStore.StateCorrupted> =>
      this.corrupt.has(key) ? Result.fail(corrupted(key)) : Result.succeed(this.rows.get(key))
    return {
      label: "machine",
      owner,
      documentOf: () => "all",
      read: (key) => Effect.suspend(() => Effect.fromResult(found(key))),
      commit: (document, decide) =>
        Effect.gen({ self: this }, function* () {
          if (this.locks.has(document)) return false
          this.locks.add(document)
          return yield* Effect.ensuring(
            this.write(() => decide(found)),
            Effect.sync(() => this.locks.delete(document))
          )
        }),
      tryLock: (name) =>
        Effect.map(
          Effect.acquireRelease(
            Effect.sync(() => this.takeLock(name)).pipe(Effect.tap(() => passing(this.lockMillis))),
            (take) => Effect.sync(() => this.letGoOf(name, take))
          ),
          (take) => take !== undefined
        ),
      isLocked: (name) => Effect.map(passing(this.lockMillis), () => this.locks.has(name)),
      hints: Stream.never,
      keys: (prefix) =>
        Effect.sync(() =>
          Array.from(this.rows.keys())
            .filter((key) => key.startsWith(prefix))
            .sort()
        ),
      repair: (key, row) =>
        Effect.sync(() => {
          if (!this.corrupt.delete(key)) return undefined
          this.rows.set(key, row)
          return `aside/${key}`
        })
    }
  }

  private takeLock(name: string): number | undefined {
    if (this.locks.has(name)) return undefined
    this.locks.add(name)
    this.takers.set(name, ++this.takes)
    return this.takes
  }

  /** What was taken away, as from a process that died, may be somebody else's by now. */
  private letGoOf(name: string, take: number | undefined): void {
    if (take !== undefined && this.takers.get(name) === take) this.locks.delete(name)
  }

  private write(decide: () => ReadonlyMap<string, StateBackend.Row>): Effect.Effect<boolean, Failure> {
    return Effect.suspend(() => {
      const rows = decide()
      return Effect.andThen(
        passing(this.commitMillis),
        Effect.suspend(() => {
          if (this.conflicts > 0) {
            this.conflicts--
            return Effect.succeed(false)
          }
          const failure = this.failure?.(Array.from(rows.keys()))
          if (failure !== undefined) return Effect.fail(failure)
          if (rows.size > 0) this.commits++
          for (const [key, row] of rows) this.rows.set(key, row)
          return Effect.succeed(true)
        })
      )
    })
  }
}

/** What takes no time ends also while the test clock stands still. */
const passing = (millis: number): Effect.Effect<void> => (millis === 0 ? Effect.void : Effect.sleep(millis))

const corrupted = (key: string) =>
  new StateStore.StateCorrupted({ store: "machine", key, reason: "Checksum" })

export const full = (key: string) => new StateStore.StoreFull({ store: "machine", key, cause: "ENOSPC" })

export const unknown = new OutcomeUnknown({ label: "machine", elapsedMillis: 0, cause: "EIO" })
