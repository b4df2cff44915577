/** What one node saw, written down as it happens. The promises of the demo are measured here. */
import type { SeenRequest, SeenSet } from "./Wire.ts"

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

export interface Note {
  /** The answer begins: from here on the client may know. */
  readonly answered: () => void
  /** The connection is gone. Says nothing new when the answer had begun. */
  readonly closed: () => void
}

export class Witness {
  readonly #requests: Array<Mutable<SeenRequest>> = []
  #openConnections = 0
  /** Called whenever something has ended. */
  onEnd: () => void = () => {}

  connected(): void {
    this.#openConnections += 1
  }

  disconnected(): void {
    this.#openConnections -= 1
    this.onEnd()
  }

  received(method: string): Note {
    const request: Mutable<SeenRequest> = { method, startMillis: performance.now(), end: "open" }
    this.#requests.push(request)
    const end = (how: "answered" | "dropped") => {
      if (request.end !== "open") return
      request.end = how
      request.endMillis = performance.now()
      this.onEnd()
    }
    return { answered: () => end("answered"), closed: () => end("dropped") }
  }

  get idle(): boolean {
    return this.#openConnections === 0
  }

  get seen(): SeenSet["nodes"][number] {
    return { requests: this.#requests, openConnections: this.#openConnections }
  }
}
