/** What one server saw, written down as it happens. The promises of the demo are measured here. */
import { transactionId } from "./protocol.ts"
import type { Operation, SeenRequest, SeenServer } from "./Wire.ts"

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface Note {
  /** The reply begins: from here on the client may know, and may start its next request. */
  readonly answered: () => void
  /** The connection is gone. Says nothing new when the reply had begun. */
  readonly closed: () => void
}

export class Witness {
  readonly #requests: Array<Mutable<SeenRequest>> = []
  readonly #stored = new Set<string>()
  #openConnections = 0
  /** Called whenever something was seen. */
  onChange: () => void = () => {}

  connected(): void {
    this.#openConnections += 1
  }

  disconnected(): void {
    this.#openConnections -= 1
    this.onChange()
  }

  received(operation: Operation, digest: string, startMillis: number): Note {
    const request: Mutable<SeenRequest> = { operation, startMillis, end: "open", digest }
    this.#requests.push(request)
    this.onChange()
    const end = (how: "answered" | "dropped") => {
      if (request.end !== "open") return
      request.end = how
      request.endMillis = performance.now()
      this.onChange()
    }
    return { answered: () => end("answered"), closed: () => end("dropped") }
  }

  /** How many requests of this operation have arrived so far. */
  count(operation: Operation): number {
    return this.#requests.filter((request) => request.operation === operation).length
  }

  holds(id: string): boolean {
    return this.#stored.has(id)
  }

  store(transactions: ReadonlyArray<string>): void {
    for (const transaction of transactions) this.#stored.add(transactionId(transaction))
  }

  get idle(): boolean {
    return this.#openConnections === 0 && this.#requests.every((request) => request.end !== "open")
  }

  get seen(): SeenServer {
    return {
      requests: this.#requests,
      openConnections: this.#openConnections,
      stored: Array.from(this.#stored)
    }
  }
}
