/**
 * The next nonce of each account: unique and without gaps, also when submissions are interrupted or their outcome stays
 * unknown.
 *
 * The ledger refuses a nonce that is used and one that leaves a gap, so of one account only one submission is under way
 * at a time: two at once could arrive in the other order, and one that fails would leave those behind it in the air.
 * Accounts do not wait for each other.
 *
 * | an account is | until | then it is |
 * |---|---|---|
 * | *open*, as at first | the ledger has said what comes next | *known* (n) |
 * | *known* (n) | a submission takes n along | *in flight* (n) |
 * | *in flight* (n) | it is applied | *known* (n + 1) |
 * | | it is certain that it was not, and never will be | *known* (n) |
 * | | anything else: refused for its nonce, unknown, interrupted, a defect | *open* |
 *
 * While a nonce is in flight the account has none, and only an outcome that is certain puts one back: so no way to end
 * can be forgotten.
 *
 * A submission whose outcome is unknown may arrive when its nonce has been given to another already. The ledger takes
 * the one that comes first, and refuses the other for its nonce. If that is the new one, it gets another nonce.
 */
import { Deadline } from "@holdfast/core"
import { Context, type Duration, Effect, Layer, Schema, Semaphore } from "effect"
import { describeError } from "../cause.ts"

/** What a submission that failed has done to its nonce. */
export type Verdict =
  /** It was not applied with this nonce, and never will be. */
  | "NotUsed"
  /** The ledger refused the nonce: it is used, or leaves a gap. The submission was not applied. */
  | "Refused"
  /** It may have been applied, or may be later. */
  | "Unknown"

/** The ledger did not say what comes next. Nothing was sent. */
export class NonceOpen extends Schema.TaggedError<NonceOpen>("control-room/gateway/NonceOpen")("NonceOpen", {
  account: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `the next nonce of ${this.account} is not known: ${describeError(this.cause)}`
  }
}

/** Other submissions of the account took too long. Nothing was sent. */
export class AccountBusy extends Schema.TaggedError<AccountBusy>("control-room/gateway/AccountBusy")(
  "AccountBusy",
  { account: Schema.String }
) {
  override get message(): string {
    return `other submissions of ${this.account} take too long`
  }
}

export interface Options<E = unknown> {
  /** Asks the ledger for the next nonce of an account. */
  readonly ask: (account: string) => Effect.Effect<number, E>
  readonly askTimeout: Duration.Input
  /** How long a submission waits for those of the same account that came before it. */
  readonly wait: Duration.Input
  /** How often a submission is sent, if it is refused for its nonce each time. */
  readonly attempts: number
}

interface Account {
  readonly name: string
  readonly turn: Semaphore.Semaphore
  next: number | undefined
}

export class Nonces extends Context.Service<
  Nonces,
  {
    /** Sends with the next nonce of the account. The verdict is asked about every error of `send`. */
    readonly use: <A, E, R>(
      account: string,
      send: (nonce: number) => Effect.Effect<A, E, R>,
      verdict: (error: E) => Verdict
    ) => Effect.Effect<A, E | NonceOpen | AccountBusy, R>
  }
>()("control-room/gateway/Nonces") {
  static readonly layer = <E>(options: Options<E>): Layer.Layer<Nonces> =>
    Layer.sync(Nonces)(() => {
      const accounts = new Map<string, Account>()
      return {
        use: (name, send, verdict) => {
          const account = accounts.get(name) ?? { name, turn: Semaphore.makeUnsafe(1), next: undefined }
          accounts.set(name, account)
          return inTurn(account, options, attempt(account, options, send, verdict, options.attempts))
        }
      }
    })
}

/** Whoever has waited for too long has given up, and does nothing even if its turn comes at that very moment. */
const inTurn = <A, E, R>(
  account: Account,
  { wait }: Options,
  self: Effect.Effect<A, E, R>
): Effect.Effect<A, E | AccountBusy, R> =>
  Effect.suspend(() => {
    let state: "waiting" | "begun" | "given up" = "waiting"
    const busy = Effect.fail(new AccountBusy({ account: account.name }))
    const begin = Effect.suspend((): Effect.Effect<A, E | AccountBusy, R> => {
      if (state === "given up") return busy
      state = "begun"
      return self
    })
    const giveUp = Effect.suspend(() => {
      if (state === "begun") return Effect.never
      state = "given up"
      return busy
    })
    return Effect.raceFirst(account.turn.withPermit(begin), Effect.andThen(Effect.sleep(wait), giveUp))
  })

const attempt = <A, E, R>(
  account: Account,
  options: Options,
  send: (nonce: number) => Effect.Effect<A, E, R>,
  verdict: (error: E) => Verdict,
  attemptsLeft: number
): Effect.Effect<A, E | NonceOpen, R> =>
  Effect.gen(function* () {
    const nonce = account.next ?? (yield* ask(account, options))
    account.next = undefined
    return yield* send(nonce).pipe(
      Effect.tap(() =>
        Effect.sync(() => {
          account.next = nonce + 1
        })
      ),
      Effect.catch((error) => {
        const found = verdict(error)
        if (found === "NotUsed") account.next = nonce
        return found === "Refused" && attemptsLeft > 1
          ? attempt(account, options, send, verdict, attemptsLeft - 1)
          : Effect.fail(error)
      })
    )
  })

const ask = (account: Account, { ask, askTimeout }: Options): Effect.Effect<number, NonceOpen> =>
  ask(account.name).pipe(
    Deadline.within(askTimeout, { label: "nonce" }),
    Effect.mapError((cause) => new NonceOpen({ account: account.name, cause }))
  )
