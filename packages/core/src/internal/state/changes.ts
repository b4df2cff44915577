/**
 * Streams of what a key becomes. A look follows each commit of this process, each hint of the backend, and, as hints can
 * get lost in an operating system, a pause: so none is missed for long.
 */
import { Duration, Effect, Option, RcRef, type Scope, Stream } from "effect"
import type { StateBackend } from "../../StateBackend.ts"
import type { ReadError, Stored } from "../../StateStore.ts"
import { Watchers } from "../watchers.ts"
import { closed, type StoreUnavailable } from "./errors.ts"

/** The longest that a change of another process goes unseen when its hint gets lost. */
const lookInterval = Duration.seconds(1)

export class Changes {
  private readonly store: string
  private readonly watchers = new Watchers()
  private generation = 0
  private isClosed = false

  constructor(store: string) {
    this.store = store
  }

  /** Something may have changed. */
  tell(): void {
    this.generation++
    this.watchers.tell()
  }

  /** Ends whoever watches. */
  close(): void {
    this.isClosed = true
    this.watchers.tell()
  }

  /** Listens to the hints of a backend while somebody has a reference. */
  listen({ hints }: StateBackend): Effect.Effect<RcRef.RcRef<void>, never, Scope.Scope> {
    const tell = Stream.runForEach(hints, () => Effect.sync(() => this.tell()))
    // Without hints the looks are left.
    const quiet = Effect.catchCause(tell, (cause) =>
      Effect.logDebug("the hints of the store have ended", cause)
    )
    return RcRef.make({ acquire: Effect.asVoid(Effect.forkScoped(quiet)) })
  }

  /** What is there, and then whatever it becomes: the latest, when several changes come between two pulls. */
  watch(
    read: Effect.Effect<Stored | undefined, ReadError>,
    hints: RcRef.RcRef<void>
  ): Stream.Stream<Stored | undefined, ReadError> {
    const next = (
      last: Last | undefined
    ): Effect.Effect<readonly [ReadonlyArray<Stored | undefined>, Option.Option<Last>], ReadError> =>
      Effect.andThen(
        last === undefined ? Effect.void : this.changedSince(last.generation),
        Effect.suspend(() => {
          const { generation } = this
          return Effect.map(read, (stored) => {
            const isNew = last === undefined || last.version !== stored?.version
            return [isNew ? [stored] : [], Option.some({ generation, version: stored?.version })] as const
          })
        })
      )
    const listening = Effect.suspend(() => (this.isClosed ? closed(this.store, "watch") : RcRef.get(hints)))
    return Stream.unwrap(Effect.as(listening, Stream.paginate(undefined, next)))
  }

  private changedSince(generation: number): Effect.Effect<void, StoreUnavailable> {
    const changed = this.watchers.until<void, StoreUnavailable>(() =>
      this.generation !== generation ? Effect.void : this.isClosed ? closed(this.store, "watch") : undefined
    )
    return Effect.raceFirst(changed, Effect.sleep(lookInterval))
  }
}

interface Last {
  readonly generation: number
  readonly version: number | undefined
}
