/** Names are encoded once: it is done on the way of every read. */

/** A name takes little room, and who has more keys than that reads files most of the time. */
const most = 4096

export const memoize = (f: (name: string) => string): ((name: string) => string) => {
  const known = new Map<string, string>()
  return (name) => {
    const found = known.get(name)
    if (found !== undefined) return found
    if (known.size === most) known.clear()
    const made = f(name)
    known.set(name, made)
    return made
  }
}
