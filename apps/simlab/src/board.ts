/** Cells before those of the workers. */
const head = 3

/**
 * Memory that the threads of a campaign share.
 *
 * A worker hears no message while it runs, so this is how runs are dealt out and called off. Each goes to the worker that
 * is free first, in the order of their numbers. So when one has failed, all with smaller numbers are made or being made.
 */
export class Board {
  /** How many runs were dealt out, where they end, whether the time is up, and then for each worker the run that it makes. */
  readonly cells: Int32Array<SharedArrayBuffer>

  constructor(cells: Int32Array<SharedArrayBuffer>) {
    this.cells = cells
  }

  static forWorkers(count: number): Board {
    const cells = new Int32Array(new SharedArrayBuffer((head + count) * Int32Array.BYTES_PER_ELEMENT))
    return new Board(cells.fill(-1))
  }

  begin(runs: number): void {
    this.cells.fill(-1)
    Atomics.store(this.cells, 0, 0)
    Atomics.store(this.cells, 1, runs)
    Atomics.store(this.cells, 2, 0)
  }

  /** 0, 1, 2 and so on, each to one worker only. */
  deal(): number {
    return Atomics.add(this.cells, 0, 1)
  }

  /** The number of the first run that is not made. */
  get end(): number {
    return Atomics.load(this.cells, 1)
  }

  /** No further run is begun. */
  stop(): void {
    Atomics.store(this.cells, 1, 0)
  }

  /** No further run is begun, and what failed is made no smaller. */
  expire(): void {
    this.stop()
    Atomics.store(this.cells, 2, 1)
  }

  get isExpired(): boolean {
    return Atomics.load(this.cells, 2) === 1
  }

  /** Says which run a worker makes. */
  note(worker: number, run: number): void {
    Atomics.store(this.cells, head + worker, run)
  }

  /** The run that a worker makes, or made last; −1 before its first. */
  runOf(worker: number): number {
    return Atomics.load(this.cells, head + worker)
  }
}

/** Every run has a place on the board. */
export const maxRuns = 2 ** 31 - 1024
