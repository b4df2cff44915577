/** Where the files of a store are. */
import { join, resolve } from "node:path"

export interface Place {
  readonly directory: string
  readonly database: string
  /** Has no content: see `presence.ts`. */
  readonly presence: string
  /** Has a note of the last commit: see `witness.ts`. */
  readonly changes: string
  readonly locks: string
  /** What was put aside. */
  readonly corrupt: string
}

/** A program may change its working directory later. */
export const placeOf = (path: string): Place => {
  const directory = resolve(path)
  return {
    directory,
    database: join(directory, "state.db"),
    presence: join(directory, "presence"),
    changes: join(directory, "changes"),
    locks: join(directory, "locks"),
    corrupt: join(directory, "corrupt")
  }
}
