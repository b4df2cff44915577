/** How long a caller waits: what is left of his own time, over all that he waits for, and the ambient deadline. */
import { Clock, type Duration, Effect } from "effect"
import { decode } from "../duration.ts"
import { type Expiry, limit, toNanos } from "../limit.ts"
import { LockTimeout } from "../lock/errors.ts"

/** Commits of others take milliseconds. Only one who stands still takes longer. */
const grantedNanos = 1_000_000_000n

export class Patience {
  private readonly key: string
  private readonly startNanos: bigint
  /** Infinite when undefined. */
  private readonly budgetNanos: bigint | undefined
  /** It wants one try, and no wait. */
  readonly isOnce: boolean
  readonly clock: Clock.Clock

  private constructor(key: string, budgetNanos: bigint | undefined, clock: Clock.Clock) {
    this.key = key
    this.clock = clock
    this.startNanos = clock.monotonicTimeNanosUnsafe()
    this.budgetNanos = budgetNanos
    this.isOnce = budgetNanos !== undefined && budgetNanos <= 0n
  }

  /** Begins now. */
  static begin(key: string, wait: Duration.Input | undefined): Effect.Effect<Patience> {
    return Clock.clockWith((clock) =>
      Effect.sync(() => {
        const budgetNanos = wait === undefined ? undefined : toNanos(decode("Lock", "wait", wait))
        return new Patience(key, budgetNanos, clock)
      })
    )
  }

  /** That of a caller who has what he wanted to try once, when a commit of it is left to do. */
  get granted(): Patience {
    return this.isOnce ? new Patience(this.key, grantedNanos, this.clock) : this
  }

  get elapsedMillis(): number {
    return Number(this.clock.monotonicTimeNanosUnsafe() - this.startNanos) / 1e6
  }

  timeout(limit: LockTimeout["limit"], holder: string | undefined): LockTimeout {
    return new LockTimeout({
      key: this.key,
      waitedMillis: this.elapsedMillis,
      limit,
      ...(holder === undefined ? {} : { holder })
    })
  }

  /** Waits for something, no longer than is left; whoever wants one try has to make it without waiting. */
  within<A, E, R, E2>(
    self: Effect.Effect<A, E, R>,
    expired: (expiry: Expiry) => E2
  ): Effect.Effect<A, E | E2, R> {
    return Effect.suspend(() => {
      const elapsed = this.clock.monotonicTimeNanosUnsafe() - this.startNanos
      const budgetNanos =
        this.budgetNanos === undefined || this.isOnce ? undefined : this.budgetNanos - elapsed
      return limit(self, { label: `lock of ${this.key}`, budgetNanos, inherit: true, expired })
    })
  }

  /** Waits for what was begun in time, until the ambient deadline. */
  beyond<A, E, R, E2>(self: Effect.Effect<A, E, R>, expired: () => E2): Effect.Effect<A, E | E2, R> {
    return limit(self, { label: `lock of ${this.key}`, budgetNanos: undefined, inherit: true, expired })
  }
}
