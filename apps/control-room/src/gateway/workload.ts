/** Payments of several accounts, and reads, at a steady rate: a request does not wait for the one before. */
import { Context, Duration, Effect, Exit, FiberSet, Layer, Schedule, type Scope } from "effect"
import { Nonces } from "./Nonces.ts"
import { Numbers } from "./Numbers.ts"
import type { Payment } from "./nodeClient.ts"
import { pay, type Settled } from "./payments.ts"
import { type Route, verdictOf } from "./Route.ts"

/** A payment, and what the one who pays knows of it. */
export interface Paid {
  readonly payment: Payment
  outcome: "open" | "made" | "failed" | "unknown"
}

export interface Workload {
  readonly payments: ReadonlyArray<Paid>
  readonly settled: Settled
  /** Nothing begins any more, and what has begun is waited for; it is interrupted when that takes too long. */
  readonly stop: (drain: Duration.Duration) => Effect.Effect<void>
}

/** Runs until it is stopped, or the scope closes. */
export const begin = (route: Route): Effect.Effect<Workload, never, Scope.Scope> =>
  Effect.gen(function* () {
    const nonces = Context.get(yield* Layer.build(noncesOver(route)), Nonces)
    const settled: Settled = { found: 0, sentAgain: 0, open: 0 }
    const payments: Array<Paid> = []
    const requests = yield* FiberSet.make()
    const arrivals = yield* FiberSet.make()

    const payOnce = (account: string) =>
      Effect.suspend(() => {
        const payment = { id: `payment ${payments.length + 1}`, account, amount: 1 }
        const paid: Paid = { payment, outcome: "open" }
        payments.push(paid)
        return Effect.onExit(pay(payment, { nonces, route, settled }), (exit) =>
          Effect.sync(() => {
            paid.outcome = outcomeOf(exit)
          })
        )
      })
    const readOnce = (account: string) => route.ask((node) => node.getBalance([account]))

    const arrive = <A, E>(every: Duration.Duration, after: number, self: Effect.Effect<A, E>) =>
      FiberSet.run(requests, Effect.ignore(self)).pipe(
        Effect.repeat(Schedule.fixed(every)),
        Effect.delay(Duration.times(every, after)),
        FiberSet.run(arrivals)
      )
    const { accounts, paymentInterval, readInterval } = Numbers
    yield* Effect.forEach(accounts, (account, index) =>
      Effect.andThen(
        arrive(paymentInterval, index / accounts.length, payOnce(account)),
        arrive(Duration.times(readInterval, accounts.length), index / accounts.length, readOnce(account))
      )
    )
    return {
      payments,
      settled,
      stop: (drain) =>
        FiberSet.clear(arrivals).pipe(
          Effect.andThen(FiberSet.awaitEmpty(requests)),
          Effect.timeoutOption(drain),
          Effect.andThen(FiberSet.clear(requests))
        )
    }
  })

const noncesOver = (route: Route) =>
  Nonces.layer({ ask: (account) => route.ask((node) => node.getNonce([account])), ...Numbers.nonces })

/** An interrupt says nothing: such a payment stays open. */
const outcomeOf = (exit: Exit.Exit<unknown, Effect.Error<ReturnType<typeof pay>>>): Paid["outcome"] => {
  if (Exit.isSuccess(exit)) return "made"
  const [reason] = exit.cause.reasons
  if (reason?._tag !== "Fail") return "open"
  const { error } = reason
  if (error._tag === "NonceOpen" || error._tag === "AccountBusy") return "failed"
  return verdictOf(error) === "Unknown" ? "unknown" : "failed"
}
