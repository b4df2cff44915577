/** The item at a position that must exist. A wrong position is a bug, and dies loudly. */
export const at = <A>(items: ReadonlyArray<A>, index: number): A => {
  if (index < 0 || index >= items.length) throw new RangeError(`no item ${index} among ${items.length}`)
  return items[index] as A
}
