/** What is built value by value, under the type that it has as a whole. */

/** A record of the same keys, with another value for each. */
export const mapRecord = <V, T>(
  self: Readonly<Record<string, V>>,
  f: (value: V, key: string) => unknown
): T =>
  // house: `T` maps the keys of `self`, each of which gets the value that `f` makes of its own
  Object.fromEntries(Object.entries(self).map(([key, value]) => [key, f(value, key)])) as T

export const asTuple = <T extends ReadonlyArray<unknown>>(values: ReadonlyArray<unknown>): T =>
  // house: there is one value for each member of the tuple, in its order
  values as T
