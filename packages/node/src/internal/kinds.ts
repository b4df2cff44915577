/** Which stores there are, and what only each of them has in its directory. */

/** Those of a `FileStateStore`. */
export const layouts = ["perKey", "single"] as const

export const kinds = ["sqlite", ...layouts] as const

export type Kind = (typeof kinds)[number]

export const signs: Record<Kind, string> = { sqlite: "state.db", perKey: "keys", single: "state.json" }

const titles: Record<Kind, string> = {
  sqlite: "a SqliteStateStore",
  perKey: "a FileStateStore with a file for each key",
  single: "a FileStateStore with one file for all"
}

/** Why another store is not opened there: its state would look like none. */
export const belongsTo = (path: string, kind: Kind): string => `${path} belongs to ${titles[kind]}`
