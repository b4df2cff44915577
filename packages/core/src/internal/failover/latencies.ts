/** The latest latencies of an endpoint, in milliseconds. */

export interface Percentiles {
  readonly last: number
  readonly p50: number
  readonly p99: number
}

/** Enough for a 99th percentile to be another value than the greatest. */
const kept = 128

/** The latest latencies, of which percentiles are computed when somebody asks. */
export class Latencies {
  private readonly values = new Float64Array(kept)
  /** How many there have been. */
  count = 0

  add(millis: number): void {
    this.values[this.count++ % kept] = millis
  }

  private get sorted(): Float64Array {
    return this.values.slice(0, Math.min(this.count, kept)).sort()
  }

  /** The nearest rank: the least value that so many of all are not above; `undefined` when there is none. */
  percentile(of: number): number | undefined {
    return rank(this.sorted, of)
  }

  summary(): Percentiles | undefined {
    const { sorted } = this
    const last = this.values[(this.count - 1) % kept]
    const p50 = rank(sorted, 0.5)
    const p99 = rank(sorted, 0.99)
    return last === undefined || p50 === undefined || p99 === undefined ? undefined : { last, p50, p99 }
  }
}

const rank = (sorted: Float64Array, of: number): number | undefined =>
  sorted[Math.max(0, Math.ceil(of * sorted.length) - 1)]

/** In which what was seen weighs a third only; the time of Finagle, where this comes from. */
const decayMillis = 10_000

/**
 * An average that follows a rise at once and forgets it slowly: one slow answer says more than a fast one, which an
 * endpoint that fails gives too. The algorithm is that of Finagle's `PeakEwma`
 * (https://twitter.github.io/finagle/guide/Clients.html#power-of-two-choices-p2c-peak-ewma).
 */
export class PeakAverage {
  private millis = 0
  private atMillis: number | undefined = undefined

  add(millis: number, nowMillis: number): void {
    const weight = this.fadedTo(nowMillis)
    this.millis = millis > this.millis ? millis : this.millis * weight + millis * (1 - weight)
    this.atMillis = nowMillis
  }

  /** What it costs to send one more request where so many are under way; `first` stands for what is not known yet. */
  cost(inFlight: number, nowMillis: number, first: number): number {
    // It fades while nobody asks, so that who was avoided for it is tried again.
    const millis = this.atMillis === undefined ? first : this.millis * this.fadedTo(nowMillis)
    return millis * (inFlight + 1)
  }

  private fadedTo(nowMillis: number): number {
    return this.atMillis === undefined ? 0 : Math.exp((this.atMillis - nowMillis) / decayMillis)
  }
}
