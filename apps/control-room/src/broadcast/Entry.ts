/** What the wallet knows of one will-executor server. */
import { joinLines, transactionId } from "./servers/protocol.ts"

export interface Entry {
  /** For people. Two entries may share a name, and even a url: results are kept by position. */
  readonly name: string
  readonly url: string
  /** Its transactions. That the field is there makes the entry one to push to, even when it is empty. */
  readonly txs?: ReadonlyArray<string>
  /** The server is known to hold them: it is never pushed to again. */
  readonly delivered?: boolean
}

/** An entry and its position, which is what its result is kept by. */
export interface Target {
  readonly index: number
  readonly entry: Entry
}

export const targetsOf = (entries: ReadonlyArray<Entry>): ReadonlyArray<Target> =>
  entries.map((entry, index) => ({ index, entry }))

export const isPushable = (entry: Entry): boolean => entry.txs !== undefined && entry.delivered !== true

const encoder = new TextEncoder()

/** The bytes of a push. One function makes them, for one server at a time and for many at once. */
export const payload = (entry: Entry): Uint8Array => encoder.encode(joinLines(entry.txs ?? []))

/** The transactions of an entry as a server knows them. */
export const transactionIds = (entry: Entry): ReadonlyArray<string> => (entry.txs ?? []).map(transactionId)

/** The bytes of a check. */
export const question = (entry: Entry): Uint8Array => encoder.encode(joinLines(transactionIds(entry)))
