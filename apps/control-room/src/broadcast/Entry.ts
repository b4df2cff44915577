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

const isPushable = (entry: Entry): boolean => entry.txs !== undefined && entry.delivered !== true

/** An entry that is pushed to, and its position among all entries. */
export interface Target {
  readonly index: number
  readonly entry: Entry
}

/** Where a push goes: to the entries that carry transactions and are not known to hold them. */
export const targetsOfPush = (entries: ReadonlyArray<Entry>): ReadonlyArray<Target> =>
  entries.flatMap((entry, index) => (isPushable(entry) ? [{ index, entry }] : []))

const encoder = new TextEncoder()

/** The bytes of a push. One function makes them, for one server at a time and for many at once. */
export const payload = (entry: Entry): Uint8Array => encoder.encode(joinLines(entry.txs ?? []))

/** The transactions of an entry as a server knows them. */
export const transactionIds = (entry: Entry): ReadonlyArray<string> => (entry.txs ?? []).map(transactionId)

/** The bytes of a check. */
export const question = (entry: Entry): Uint8Array => encoder.encode(joinLines(transactionIds(entry)))
