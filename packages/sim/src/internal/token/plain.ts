/**
 * Plain data as JSON, with what JSON leaves out.
 *
 * What JSON has stands for itself. An object with the single key `$` stands for the rest:
 *
 *   { $: "undefined" }  and likewise NaN, Infinity, -Infinity and -0
 *   { $: ["bigint", "123"] }
 *   { $: ["bytes", base64url] }    a Uint8Array
 *   { $: ["object", { … }] }       an object that has a key `$` itself
 *   { $: ["bare", { … }] }         an object without a prototype, as fast-check's `record` draws them
 *
 * As in JSON, keys that are symbols are left out; a hole in an array is read as `undefined`.
 */
import { Result } from "effect"
import { Base64Url } from "effect/encoding"

/** Something that cannot be written, and where it is. */
export interface Problem {
  readonly path: string
  readonly found: string
}

/** Deeper than any workload, and well within the stack. */
const maxDepth = 500

/** Objects that share their parts are written once for each place: this ends it before memory does. */
const maxValues = 1_000_000

const names: ReadonlyArray<readonly [string, unknown]> = [
  ["undefined", undefined],
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
  ["-0", -0]
]

const nameOf = (value: unknown): string | undefined => names.find(([, known]) => Object.is(known, value))?.[0]

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null

type Entries = ReadonlyArray<readonly [string, unknown]>

/** As own properties, also the key `__proto__`. */
const fromEntries = (prototype: object | null, entries: Entries): object => {
  const object: object = Object.create(prototype)
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, { value, configurable: true, enumerable: true, writable: true })
  }
  return object
}

// ----------------------------------------------------------------------------
// Writing
// ----------------------------------------------------------------------------

const classOf = (value: object): string => {
  const name: unknown = Reflect.get(value, "constructor")?.name
  return typeof name === "string" && name !== "" ? `a ${name}` : "an object with a prototype of its own"
}

const isPlainKey = /^[\p{ID_Start}$_][\p{ID_Continue}$]*$/u

const keyPath = (path: string, key: string): string =>
  isPlainKey.test(key) ? `${path}.${key}` : `${path}[${JSON.stringify(key)}]`

class Writer {
  problem: Problem | undefined = undefined
  private left = maxValues

  write(value: unknown, path: string, depth: number): unknown {
    if (this.problem !== undefined) return undefined
    if (depth > maxDepth) return this.fail(path, `inside ${maxDepth} others, or inside itself`)
    if (this.left-- === 0) return this.fail(path, `behind ${maxValues} other values`)
    const name = nameOf(value)
    if (name !== undefined) return { $: name }
    if (typeof value === "bigint") return { $: ["bigint", String(value)] }
    if (typeof value === "function" || typeof value === "symbol") return this.fail(path, `a ${typeof value}`)
    return isObject(value) ? this.writeObject(value, path, depth) : value
  }

  private writeObject(value: object, path: string, depth: number): unknown {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype === Array.prototype && Array.isArray(value)) {
      return Array.from(value, (item, index) => this.write(item, `${path}[${index}]`, depth + 1))
    }
    if (prototype === Uint8Array.prototype && value instanceof Uint8Array) {
      return { $: ["bytes", Base64Url.encode(value)] }
    }
    if (prototype !== Object.prototype && prototype !== null) return this.fail(path, classOf(value))
    const entries = Object.entries(value).map(
      ([key, item]) => [key, this.write(item, keyPath(path, key), depth + 1)] as const
    )
    const written = fromEntries(Object.prototype, entries)
    if (prototype === null) return { $: ["bare", written] }
    return Object.hasOwn(value, "$") ? { $: ["object", written] } : written
  }

  private fail(path: string, found: string): undefined {
    this.problem ??= { path, found }
  }
}

/** A value as what JSON can hold. `name` is what the value is called in a problem. */
export const toPlain = (value: unknown, name: string): Result.Result<unknown, Problem> => {
  const writer = new Writer()
  const plain = writer.write(value, name, 0)
  return writer.problem === undefined ? Result.succeed(plain) : Result.fail(writer.problem)
}

// ----------------------------------------------------------------------------
// Reading
// ----------------------------------------------------------------------------

/** A value that was read; wrapped, because `undefined` is one. */
interface Read {
  readonly value: unknown
}

const readBigint = (text: unknown): Read | undefined => {
  if (typeof text !== "string" || !/^-?\d+$/.test(text)) return undefined
  try {
    return { value: BigInt(text) }
  } catch {
    return undefined
  }
}

const readBytes = (text: unknown): Read | undefined => {
  if (typeof text !== "string") return undefined
  const value = Result.getOrUndefined(Base64Url.decode(text))
  return value === undefined ? undefined : { value }
}

const readEntries = (written: unknown, prototype: object | null, depth: number): Read | undefined => {
  if (!isObject(written) || Array.isArray(written)) return undefined
  const entries: Array<readonly [string, unknown]> = []
  for (const [key, item] of Object.entries(written)) {
    const read = readAt(item, depth + 1)
    if (read === undefined) return undefined
    entries.push([key, read.value])
  }
  return { value: fromEntries(prototype, entries) }
}

const readSpecial = (special: unknown, depth: number): Read | undefined => {
  if (!Array.isArray(special)) {
    const known = names.find(([name]) => name === special)
    return known === undefined ? undefined : { value: known[1] }
  }
  if (special.length !== 2) return undefined
  const [tag, content]: ReadonlyArray<unknown> = special
  switch (tag) {
    case "bigint":
      return readBigint(content)
    case "bytes":
      return readBytes(content)
    case "object":
      return readEntries(content, Object.prototype, depth)
    case "bare":
      return readEntries(content, null, depth)
    default:
      return undefined
  }
}

const readArray = (items: ReadonlyArray<unknown>, depth: number): Read | undefined => {
  const value: Array<unknown> = []
  for (const item of items) {
    const read = readAt(item, depth + 1)
    if (read === undefined) return undefined
    value.push(read.value)
  }
  return { value }
}

const readAt = (plain: unknown, depth: number): Read | undefined => {
  if (plain === undefined || depth > maxDepth) return undefined
  if (Array.isArray(plain)) return readArray(plain, depth)
  if (!isObject(plain)) return { value: plain }
  if (!Object.hasOwn(plain, "$")) return readEntries(plain, Object.prototype, depth)
  return Object.keys(plain).length === 1 ? readSpecial(Reflect.get(plain, "$"), depth) : undefined
}

/** The value that was written; undefined when none was. */
export const fromPlain = (plain: unknown): Read | undefined => readAt(plain, 0)
