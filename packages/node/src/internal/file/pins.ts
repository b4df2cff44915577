/** Files that were read, kept as long as they are what their paths name. */
import { Effect, Exit, Scope } from "effect"
import type { Document } from "./document.ts"

/** As many files are open at most besides those that are being read or written, and as many documents in memory. */
const mostPins = 64

/** Who reads or writes a file opens it in such a scope, so that it can stay open. */
export class Pin {
  readonly scope: Scope.Closeable = Scope.makeUnsafe()
  isKept = false
}

const close = (pin: Pin): Effect.Effect<void> => Scope.close(pin.scope, Exit.void)

/** A pin that is closed with the scope, unless it was kept meanwhile. */
export const makePin: Effect.Effect<Pin, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => new Pin()),
  (pin) => (pin.isKept ? Effect.void : close(pin))
)

export interface Entry {
  /** Of the file with these bytes. As it is held open, no other file is ever given the same one. */
  readonly identity: string
  readonly document: Document
  readonly pin: Pin
}

const closeAll = (entries: ReadonlyArray<Entry>): Effect.Effect<void> =>
  Effect.forEach(entries, ({ pin }) => close(pin), { discard: true })

/**
 * The documents that are durable as they are here.
 *
 * **Details**
 *
 * Where there are more than can be kept, those go first that were not asked for the longest.
 */
export class Pins {
  private readonly entries = new Map<string, Entry>()
  /** The last one of the entries. */
  private latest: string | undefined
  private isClosed = false

  get(name: string): Entry | undefined {
    const entry = this.entries.get(name)
    if (entry !== undefined && this.latest !== name) {
      this.latest = name
      this.entries.delete(name)
      this.entries.set(name, entry)
    }
    return entry
  }

  /** What is known by then: that of the same file, if somebody was faster. */
  keep(name: string, entry: Entry): Effect.Effect<Document> {
    return Effect.suspend(() => {
      const old = this.entries.get(name)
      if (old?.identity === entry.identity) return Effect.succeed(old.document)
      if (this.isClosed) return Effect.succeed(entry.document)
      entry.pin.isKept = true
      this.entries.delete(name)
      this.entries.set(name, entry)
      this.latest = name
      const gone = [...(old === undefined ? [] : [old]), ...this.shrink()]
      return Effect.as(closeAll(gone), entry.document)
    })
  }

  close(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.isClosed = true
      const all = Array.from(this.entries.values())
      this.entries.clear()
      return closeAll(all)
    })
  }

  private shrink(): ReadonlyArray<Entry> {
    const [oldest] = this.entries
    if (this.entries.size <= mostPins || oldest === undefined) return []
    this.entries.delete(oldest[0])
    return [oldest[1]]
  }
}
