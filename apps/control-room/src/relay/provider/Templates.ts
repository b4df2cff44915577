/**
 * The templates that pools may still ask for, by id. All of it is synchronous: nobody can come between a look and what
 * follows it, and there is no lock that a remote call could be made under.
 */
import type { NodeTemplate } from "../node/Wire.ts"
import type { PoolTemplate } from "./PoolWire.ts"

/** Enough for a pool that is a few blocks late with its answer. */
const keptMax = 8

interface Cached {
  readonly template: PoolTemplate
  readonly owner: object
}

export class Templates {
  private generation: number | undefined = undefined
  private lastId = 0
  private readonly cached = new Map<number, Cached>()

  get size(): number {
    return this.cached.size
  }

  /** From now on templates of this generation are taken, and of no other. */
  begin(generation: number): void {
    this.generation = generation
  }

  /** Nothing when the template comes from a generation that is gone. Ids increase for ever. */
  add(generation: number, owner: object, { height }: NodeTemplate): PoolTemplate | undefined {
    if (generation !== this.generation) return undefined
    const template = { id: ++this.lastId, height }
    this.cached.set(template.id, { template, owner })
    const own = this.idsOf(owner)
    for (const id of own.slice(0, Math.max(0, own.length - keptMax))) this.cached.delete(id)
    return template
  }

  get(id: number): PoolTemplate | undefined {
    return this.cached.get(id)?.template
  }

  /** Drops all that a generation gave, and says how many that were. */
  end(generation: number): number {
    if (generation !== this.generation) return 0
    const count = this.cached.size
    this.generation = undefined
    this.cached.clear()
    return count
  }

  /** A pool has gone: what it was given goes with it. */
  forget(owner: object): void {
    for (const id of this.idsOf(owner)) this.cached.delete(id)
  }

  private idsOf(owner: object): ReadonlyArray<number> {
    return Array.from(this.cached)
      .filter(([, cached]) => cached.owner === owner)
      .map(([id]) => id)
  }
}
