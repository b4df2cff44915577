/**
 * A copy of a workload, for one run.
 *
 * A program may change what it is given, and the same workload is run many times over: to repeat a run, to make it
 * smaller, to tell about it. Plain data is copied, whatever stands inside of it. All else, such as a `Map`, stays the
 * same object: nobody knows how it is copied.
 */
export const copyOf = <W>(workload: W): W => {
  // house: a copy of plain data is of its type
  return copy(workload, new Map()) as W
}

const copy = (value: unknown, known: Map<object, object>): unknown => {
  if (typeof value !== "object" || value === null) return value
  // What is shared stays shared, and what is inside itself has an end.
  const before = known.get(value)
  if (before !== undefined) return before
  const copied = shallow(value)
  known.set(value, copied)
  if (copied === value || ArrayBuffer.isView(copied)) return copied
  for (const [key, item] of Object.entries(copied)) {
    if (typeof item === "object" && item !== null) Reflect.set(copied, key, copy(item, known))
  }
  return copied
}

const shallow = (value: object): object => {
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Array.prototype && Array.isArray(value)) return value.slice()
  if (prototype === Uint8Array.prototype && value instanceof Uint8Array) return value.slice()
  if (prototype === Object.prototype) return { ...value }
  return prototype === null ? { __proto__: null, ...value } : value
}
