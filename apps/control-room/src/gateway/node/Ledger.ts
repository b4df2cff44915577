/** The ledger behind a set of nodes: for each account, one transaction for each nonce, without gaps. */
import { codes, type Receipt, type Transaction } from "./Wire.ts"

/** Why a transaction is not applied, as JSON-RPC says it. */
export interface Refusal {
  readonly code: number
  readonly message: string
  readonly data: { readonly expected: number }
}

export const isRefusal = (answer: Receipt | Refusal): answer is Refusal => "code" in answer

/** What every account has to begin with. */
const initialBalance = 1_000_000

export class Ledger {
  readonly applied: Array<Transaction> = []
  readonly refused = { used: 0, gap: 0 }
  readonly #accounts = new Map<string, Array<Transaction>>()

  nextNonce(account: string): number {
    return this.#of(account).length
  }

  balance(account: string): number {
    return this.#of(account).reduce((left, { amount }) => left - amount, initialBalance)
  }

  find(hash: string): Transaction | undefined {
    return this.applied.find((transaction) => transaction.hash === hash)
  }

  submit(transaction: Transaction): Receipt | Refusal {
    const { account, hash, nonce } = transaction
    const known = this.#of(account)
    if (known[nonce]?.hash === hash) return { hash, known: true }
    if (nonce !== known.length) return this.#refuse(nonce, known.length)
    known.push(transaction)
    this.applied.push(transaction)
    return { hash, known: false }
  }

  #of(account: string): Array<Transaction> {
    const known = this.#accounts.get(account) ?? []
    this.#accounts.set(account, known)
    return known
  }

  #refuse(nonce: number, expected: number): Refusal {
    const isUsed = nonce < expected
    if (isUsed) this.refused.used += 1
    else this.refused.gap += 1
    return {
      code: isUsed ? codes.nonceUsed : codes.nonceGap,
      message: `nonce ${nonce} ${isUsed ? "is used" : "leaves a gap"}, expected ${expected}`,
      data: { expected }
    }
  }
}
