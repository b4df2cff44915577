/** What is wrong with what was read. */
import { StateStore } from "@holdfast/core"

/**
 * - `Row`: the row is there, and not as it was written.
 * - `Hidden`: there must be a row, and none is found.
 * - `Chain`: whether there must be a row cannot be told.
 * - `File`: SQLite cannot find its way.
 * - `Past`: all is as it was once, and something has been written since.
 */
export type Place = "Row" | "Hidden" | "Chain" | "File" | "Past"

export class Damage extends Error {
  readonly place: Place
  readonly reason: "Checksum" | "Encoding"

  constructor(place: Place, reason: "Checksum" | "Encoding", message: string, cause?: unknown) {
    super(message, { cause })
    this.place = place
    this.reason = reason
  }

  toError(store: string, key: string, location: string): StateStore.StateCorrupted {
    return new StateStore.StateCorrupted({ store, key, reason: this.reason, location, cause: this })
  }
}

export const brokenFile = (message: string, cause?: unknown): Damage =>
  new Damage("File", "Encoding", message, cause)

export const past = (key: string): Damage =>
  new Damage("Past", "Checksum", `it is older than the last commit, which wrote "${key}"`)

export const unsound = (): Damage => brokenFile("the pages of the file do not fit together")
