/** Streams that are subscribed anew on every generation, and mark the seam between two of them. */
import { type Array as Arr, Cause, Duration, Effect, Exit, Option, Pull, Scope, Stream } from "effect"
import type * as Backoff from "../../Backoff.ts"
import { leaveBehind } from "../leaveBehind.ts"
import { delaysOf } from "../steps.ts"
import type { ConnectionLost, NotConnected } from "./errors.ts"
import type { Life, Session } from "./session.ts"

/** What is known about the time between two generations, in which nothing was received. */
export interface Gap {
  readonly from: number
  readonly to: number
  readonly lostAfterMillis: number
  readonly disconnectedMillis: number
  readonly cause: Cause.Cause<unknown>
}

export type Item<A> =
  | { readonly _tag: "Value"; readonly generation: number; readonly value: A }
  | { readonly _tag: "Seam"; readonly gap: Gap }

export interface Resume {
  readonly generation: number
  readonly gap: Gap | undefined
}

/** How a stream begins, and goes on. */
export interface Source<C, S, A, E, R> {
  readonly initial: S
  readonly subscribe: (connection: C, cursor: S, resume: Resume) => Stream.Stream<A, E, R>
  readonly next: (cursor: S, value: A) => S
}

type Chunk<A> = Arr.NonEmptyReadonlyArray<A>

/** A subscription on one generation. */
interface Open<C, A, E, R> {
  readonly life: Life<C>
  readonly closing: Effect.Effect<void>
  /** `None` after the last element. */
  readonly pull: Effect.Effect<Option.Option<Chunk<A>>, E, R>
}

const millisBetween = (fromNanos: bigint, toNanos: bigint): number => Number(toNanos - fromNanos) / 1e6

class Subscription<C, S, A, E, R> {
  private readonly session: Session<C>
  private readonly source: Source<C, S, A, E, R>
  private cursor: S
  private open: Open<C, A, E, R> | undefined = undefined
  /** The generation that was lost last, before the gap that nobody has been told of. */
  private last: Life<C> | undefined = undefined
  /** When something was received last, or could have been for the first time. */
  private heardNanos: bigint | undefined = undefined

  constructor(session: Session<C>, source: Source<C, S, A, E, R>) {
    this.session = session
    this.source = source
    this.cursor = source.initial
  }

  readonly pull: Pull.Pull<Chunk<Item<A>>, E | NotConnected, void, R> = Effect.suspend(() =>
    this.open === undefined ? this.begin() : this.continue(this.open)
  )

  /** Subscribes on the generation that comes next, and tells of the gap before it. */
  private begin(): Pull.Pull<Chunk<Item<A>>, E | NotConnected, void, R> {
    return Effect.flatMap(this.session.connected(undefined), (life) =>
      // What comes next is outside of the mask: it may wait for long, and whoever waits can be interrupted.
      Effect.flatten(Effect.uninterruptibleMask((restore) => this.subscribe(life, restore)))
    )
  }

  private subscribe(
    life: Life<C>,
    restore: <B, E2, R2>(effect: Effect.Effect<B, E2, R2>) => Effect.Effect<B, E2, R2>
  ): Effect.Effect<Pull.Pull<Chunk<Item<A>>, E | NotConnected, void, R>, never, R> {
    return Effect.gen({ self: this }, function* () {
      const { clock } = this.session
      const now = clock.monotonicTimeNanosUnsafe()
      this.heardNanos ??= now
      const gap = this.gapBefore(life, this.heardNanos, now)
      const scope = yield* Scope.make()
      const closing = yield* Effect.cached(Scope.close(scope, Exit.void))
      life.held.add(closing)
      const stream = Effect.suspend(() =>
        Stream.toPull(
          this.source.subscribe(life.connection, this.cursor, { generation: life.generation, gap })
        )
      )
      const exit = yield* Effect.exit(
        restore(this.session.on(life, Scope.provide(stream, scope), life.reading))
      )
      if (Exit.isFailure(exit)) {
        yield* this.leave(life, closing)
        return this.end<Chunk<Item<A>>>(life, exit.cause)
      }
      const pull = Pull.catchDone(Effect.map(exit.value, Option.some), () => Effect.succeedNone)
      this.open = { life, closing, pull }
      this.heardNanos = clock.monotonicTimeNanosUnsafe()
      this.last = undefined
      return gap === undefined
        ? this.pull
        : Effect.succeed([{ _tag: "Seam" as const, gap }] satisfies Chunk<Item<A>>)
    })
  }

  private gapBefore(life: Life<C>, heardNanos: bigint, nowNanos: bigint): Gap | undefined {
    const { last } = this
    if (last?.lost === undefined) return undefined
    return {
      from: last.generation,
      to: life.generation,
      lostAfterMillis: millisBetween(heardNanos, last.lostNanos),
      disconnectedMillis: millisBetween(last.lostNanos, nowNanos),
      cause: last.lost
    }
  }

  private continue({ life, pull }: Open<C, A, E, R>): Pull.Pull<Chunk<Item<A>>, E | NotConnected, void, R> {
    return Effect.matchCauseEffect(this.session.on(life, pull, life.reading), {
      onFailure: (cause) => Effect.andThen(this.close(), this.end<Chunk<Item<A>>>(life, cause)),
      onSuccess: (chunk) =>
        Option.isNone(chunk)
          ? Effect.andThen(this.close(), Cause.done())
          : Effect.succeed(this.hear(life, chunk.value))
    })
  }

  private hear({ generation }: Life<C>, values: Chunk<A>): Chunk<Item<A>> {
    this.heardNanos = this.session.clock.monotonicTimeNanosUnsafe()
    for (const value of values) this.cursor = this.source.next(this.cursor, value)
    const itemOf = (value: A): Item<A> => ({ _tag: "Value", generation, value })
    const [first, ...rest] = values
    return [itemOf(first), ...rest.map(itemOf)]
  }

  /** A generation is over: on to the next, unless there is none, or it was something else. */
  private end<B>(
    life: Life<C>,
    cause: Cause.Cause<E | ConnectionLost>
  ): Effect.Effect<B | Chunk<Item<A>>, E | NotConnected | Cause.Done<void>, R> {
    const lost = cause.reasons.find(
      (reason) => reason._tag === "Fail" && this.session.isLossOf(life, reason.error)
    )
    // house: an error of the stream itself that is a `ConnectionLost` comes from another connection
    if (lost === undefined) return Effect.failCause(cause as Cause.Cause<E>)
    this.last ??= life
    return this.pull
  }

  /** What the old subscription still holds must not keep the new one waiting for long. */
  private leave({ held }: Life<C>, closing: Effect.Effect<void>): Effect.Effect<void> {
    return Effect.ensuring(
      leaveBehind(this.session, "a subscription of the old connection", closing),
      Effect.sync(() => held.delete(closing))
    )
  }

  /** A reader that is interrupted meanwhile waits for it too. */
  close(): Effect.Effect<void> {
    return Effect.uninterruptible(
      Effect.suspend(() => {
        const { open } = this
        this.open = undefined
        return open === undefined ? Effect.void : this.leave(open.life, open.closing)
      })
    )
  }
}

export const subscribe = <C, S, A, E, R>(
  session: Session<C>,
  source: Source<C, S, A, E, R>
): Stream.Stream<Item<A>, E | NotConnected, R> =>
  Stream.unwrap(
    Effect.map(
      Effect.acquireRelease(
        Effect.sync(() => new Subscription(session, source)),
        (subscription) => subscription.close()
      ),
      (subscription) => Stream.fromPull(Effect.succeed(subscription.pull))
    )
  )

/** Timers of two machines differ, and some end a little early: a poll that waited nearly its time waited its time. */
const nearly = 0.9

/** Polls again and again. An answer of nothing that came early is a reason to wait a little, ever longer. */
export const poll = <A, E, R>(
  call: Effect.Effect<Option.Option<A>, E, R>,
  pollTimeout: Duration.Duration,
  backoff: Backoff.Input
): Stream.Stream<A, E, R> =>
  Stream.fromPull(
    Effect.gen(function* () {
      let delays = yield* delaysOf(backoff)
      const pull: Effect.Effect<Chunk<A>, E, R> = Effect.gen(function* () {
        for (;;) {
          const [took, answer] = yield* Effect.timed(call)
          if (Option.isSome(answer)) {
            delays = yield* delaysOf(backoff)
            return [answer.value]
          }
          const isWhole = Duration.isGreaterThanOrEqualTo(took, Duration.times(pollTimeout, nearly))
          if (isWhole) delays = yield* delaysOf(backoff)
          else yield* Effect.sleep((yield* delays(undefined)) ?? pollTimeout)
        }
      })
      return pull
    })
  )
