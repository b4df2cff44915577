/** What waits for an instant. Timers of the same instant are in the order in which they were set. */
export interface Due {
  readonly atNanos: number
  readonly order: number
  /** The place in the heap; -1 once it has left. */
  index: number
}

const isBefore = (a: Due, b: Due): boolean =>
  a.atNanos < b.atNanos || (a.atNanos === b.atNanos && a.order < b.order)

/** A binary heap that can also lose an item from its middle, because most timers are cancelled. */
export class Heap<T extends Due> {
  private readonly items: Array<T> = []

  get size(): number {
    return this.items.length
  }

  peek(): T | undefined {
    return this.items[0]
  }

  push(item: T): void {
    this.items.push(item)
    this.rise(item, this.items.length - 1)
  }

  pop(): T | undefined {
    const first = this.items[0]
    if (first !== undefined) this.remove(first)
    return first
  }

  remove(item: T): void {
    const at = item.index
    if (at === -1) return
    item.index = -1
    const last = this.items.pop()
    if (last === undefined || last === item) return
    if (isBefore(last, item)) this.rise(last, at)
    else this.sink(last, at)
  }

  values(): ReadonlyArray<T> {
    return this.items
  }

  private rise(item: T, from: number): void {
    const { items } = this
    let at = from
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = items[above]
      if (parent === undefined || isBefore(parent, item)) break
      items[at] = parent
      parent.index = at
      at = above
    }
    items[at] = item
    item.index = at
  }

  private sink(item: T, from: number): void {
    const { items } = this
    let at = from
    while (true) {
      let below = 2 * at + 1
      let child = items[below]
      if (child === undefined) break
      const other = items[below + 1]
      if (other !== undefined && isBefore(other, child)) {
        child = other
        below++
      }
      if (isBefore(item, child)) break
      items[at] = child
      child.index = at
      at = below
    }
    items[at] = item
    item.index = at
  }
}
