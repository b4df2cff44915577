/** Payments are made once: with a nonce of their account, and what became of one is found out when it is not known. */
import { Deadline, type OutcomeUnknown, Retry } from "@holdfast/core"
import { Effect } from "effect"
import type { Nonces } from "./Nonces.ts"
import { Numbers } from "./Numbers.ts"
import { codes, type Receipt, type Transaction } from "./node/Wire.ts"
import { type Payment, transactionOf } from "./nodeClient.ts"
import { type Route, type SendError, verdictOf } from "./Route.ts"

/** What became of the transactions whose outcome was unknown at first. */
export interface Settled {
  /** The ledger had it. */
  found: number
  /** The ledger did not, and the same transaction was sent again. */
  sentAgain: number
  /** Nobody could be asked in time. */
  open: number
}

export const pay = (
  payment: Payment,
  {
    nonces,
    route,
    settled
  }: { readonly nonces: Nonces["Service"]; readonly route: Route; readonly settled: Settled }
) =>
  nonces.use(
    payment.account,
    (nonce) => {
      const transaction = transactionOf(payment, nonce)
      return Effect.catchTag(route.send(transaction), "OutcomeUnknown", (unknown) =>
        settle(transaction, route, settled, unknown)
      )
    },
    verdictOf
  )

const retry = Retry.policy({
  // Its time is bounded, below.
  attempts: Infinity,
  backoff: Numbers.settle.backoff,
  while: (error: SendError) => !isReplaced(error)
})

/** Another transaction has taken its nonce: it was not applied, and never will be. */
const isReplaced = (error: { readonly _tag: string; readonly code?: number }): boolean =>
  error._tag === "JsonRpcError" && error.code === codes.nonceUsed

/**
 * The ledger knows a transaction by its hash, so it can be asked, and the same one may be sent again. Nothing but
 * success, and that it was replaced, tells what became of it: even if it is refused now, it may still be on its way.
 */
const settle = (
  transaction: Transaction,
  route: Route,
  settled: Settled,
  unknown: OutcomeUnknown
): Effect.Effect<Receipt, SendError> =>
  Effect.gen(function* () {
    const { hash } = transaction
    if ((yield* route.ask((node) => node.getTransaction([hash]))) !== null) {
      settled.found++
      return { hash, known: true }
    }
    const receipt = yield* route.sendAgain(transaction)
    settled.sentAgain++
    return receipt
  }).pipe(
    Retry.run(retry),
    Deadline.within(Numbers.settle.timeout, { label: "settle" }),
    Effect.catch((error): Effect.Effect<never, SendError> => {
      if (error._tag === "JsonRpcError" && isReplaced(error)) return Effect.fail(error)
      settled.open++
      return Effect.fail(unknown)
    })
  )
