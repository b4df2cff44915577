/** The rows that were read, the latest of them: as many as are worth their room. */
import type { Entry } from "./record.ts"

const maxEntries = 16_384

/** In UTF-16 units of the values. One value that is larger is kept too, alone. */
const maxLength = 32 * 1024 * 1024

/** What there is for a key. */
export interface Found {
  /** After a repair also what stands for a row that may have been lost. */
  readonly entry: Entry | undefined
  readonly exists: boolean
}

interface Cached extends Found {
  /** When it was last known to be what the file has. */
  readonly epoch: number
}

export class Cache {
  private readonly cached = new Map<string, Cached>()
  private length = 0

  get(key: string): Cached | undefined {
    return this.cached.get(key)
  }

  set(key: string, { entry, exists }: Found, epoch: number): void {
    this.delete(key)
    this.cached.set(key, { entry, exists, epoch })
    this.length += lengthOf({ entry, exists })
    for (const oldest of this.cached.keys()) {
      if (oldest === key || (this.cached.size <= maxEntries && this.length <= maxLength)) return
      this.delete(oldest)
    }
  }

  clear(): void {
    this.cached.clear()
    this.length = 0
  }

  delete(key: string): void {
    const cached = this.cached.get(key)
    if (cached === undefined) return
    this.length -= lengthOf(cached)
    this.cached.delete(key)
  }
}

const lengthOf = ({ entry }: Found): number => entry?.valueSum.length ?? 0
