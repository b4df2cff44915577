/**
 * A run as a short text: what is printed after a failure, and given back to make the run again.
 *
 * A token is the base64url of a JSON array, `[version, suite, workload, faults, lists, level]`. Of the four lists of
 * choices those at the end that are empty are left out, and `-n` stands for n zeros.
 *
 * The workload and the faults are plain data. What JSON has stands for itself. An object with the single key `$` stands
 * for what JSON leaves out:
 *
 *   { $: "undefined" }             likewise NaN, Infinity, -Infinity and -0
 *   { $: ["bigint", "123"] }
 *   { $: ["bytes", base64url] }    a Uint8Array
 *   { $: ["object", { … }] }       an object that has a key `$` itself
 *   { $: ["bare", { … }] }         an object without a prototype, as fast-check's `record` draws them
 *
 * As in JSON, keys that are symbols are left out; a hole in an array is read as `undefined`.
 */
import { Result, Schema } from "effect"
import { Base64Url } from "effect/encoding"
import type * as Choices from "../Choices.ts"
import type { Level } from "../Simulation.ts"
import { calmGap } from "./steering.ts"

/** What a token holds. */
export interface Replay {
  readonly suite: string
  readonly workload: unknown
  readonly faults: ReadonlyArray<unknown>
  readonly choices: Choices.Recording
  readonly level: Level
}

/**
 * A text that is no token, or not one that can be replayed here.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidToken extends Schema.TaggedError<InvalidToken>(
  "@holdfast/sim/internal/token/InvalidToken"
)("InvalidToken", {
  reason: Schema.Literals(["NoToken", "Damaged", "NewerVersion", "OtherSuite"]),
  /** What is wrong and what to do, as a sentence. */
  problem: Schema.String
}) {
  override get message(): string {
    return this.problem
  }
}

/**
 * A workload, or a fault, with something in it that a token cannot hold.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotReplayable extends Schema.TaggedError<NotReplayable>(
  "@holdfast/sim/internal/token/NotReplayable"
)("NotReplayable", {
  /** Where it is, such as `workload.items[3]`. */
  path: Schema.String,
  /** What it is, such as `a Date`. */
  found: Schema.String,
  instead: Schema.String
}) {
  override get message(): string {
    return `no token for this run: ${this.path} is ${this.found}. ${this.instead}; until then repeat the campaign with its seed.`
  }
}

const plainInstead =
  "Draw plain data (numbers, text, bytes, arrays, plain objects) and build the rest from it in `run`"

const version = 1

/** It is the base64url of `[` and a digit. */
const looksLikeToken = /^Wz[\w-]+$/

const maxChoices = 1_000_000

const maxShown = 40

// ----------------------------------------------------------------------------
// Lists of choices
// ----------------------------------------------------------------------------

const levels: ReadonlyArray<Level> = ["anywhere", "realistic"]

const packList = (list: ReadonlyArray<number>): ReadonlyArray<number> => {
  const packed: Array<number> = []
  for (let start = 0; start < list.length; ) {
    let end = start
    while (list[end] === 0) end++
    const zeros = end - start
    packed.push(zeros > 1 ? -zeros : (list[start] ?? 0))
    start += Math.max(1, zeros)
  }
  return packed
}

/** Longer ones are not read again: a short text may stand for any number of zeros. */
const checkLength = (kind: Choices.Kind, { length }: ReadonlyArray<number>): void => {
  if (length <= maxChoices) return
  const found = `a list of ${length}, more than ${maxChoices}`
  throw new NotReplayable({ path: `choices.${kind}`, found, instead: "Let it do less in one run" })
}

const packLists = (choices: Choices.Recording): ReadonlyArray<ReadonlyArray<number>> => {
  const { fault, gap, pick, random } = choices
  for (const kind of ["gap", "pick", "fault", "random"] as const) checkLength(kind, choices[kind])
  const lists = [gap, pick, fault, random].map(packList)
  return lists.slice(0, lists.findLastIndex((list) => list.length > 0) + 1)
}

const unpackList = (packed: unknown, below: number): ReadonlyArray<number> | undefined => {
  if (!Array.isArray(packed)) return undefined
  const list: Array<number> = []
  const choices: ReadonlyArray<unknown> = packed
  for (const choice of choices) {
    if (typeof choice !== "number" || !Number.isSafeInteger(choice) || choice >= below) return undefined
    if (list.length - Math.min(choice, -1) > maxChoices) return undefined
    if (choice >= 0) list.push(choice)
    else for (let zeros = -choice; zeros > 0; zeros--) list.push(0)
  }
  return list
}

const unpackLists = (lists: unknown): Choices.Recording | undefined => {
  if (!Array.isArray(lists) || lists.length > 4) return undefined
  const gap = unpackList(lists[0] ?? [], calmGap)
  const pick = unpackList(lists[1] ?? [], Infinity)
  const fault = unpackList(lists[2] ?? [], Infinity)
  const random = unpackList(lists[3] ?? [], Infinity)
  if (gap === undefined || pick === undefined || fault === undefined || random === undefined) return undefined
  return { gap, pick, fault, random }
}

// ----------------------------------------------------------------------------
// Plain data
// ----------------------------------------------------------------------------

/** Something that cannot be written, and where it is. */
interface Problem {
  readonly path: string
  readonly found: string
}

/** Deeper than any workload, and well within the stack. */
const maxDepth = 500

/** Objects that share their parts are written once for each place: this ends it before memory does. */
const maxValues = 100_000

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
// Plain data: writing
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
const toPlain = (value: unknown, name: string): Result.Result<unknown, Problem> => {
  const writer = new Writer()
  const plain = writer.write(value, name, 0)
  return writer.problem === undefined ? Result.succeed(plain) : Result.fail(writer.problem)
}

// ----------------------------------------------------------------------------
// Plain data: reading
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
const fromPlain = (plain: unknown): Read | undefined => readAt(plain, 0)

// ----------------------------------------------------------------------------
// Tokens
// ----------------------------------------------------------------------------

/** Throws `NotReplayable`. */
export const encode = ({ choices, faults, level, suite, workload }: Replay): string => {
  const plain = (value: unknown, name: string): unknown =>
    Result.getOrThrowWith(
      toPlain(value, name),
      (problem: Problem) => new NotReplayable({ ...problem, instead: plainInstead })
    )
  return Base64Url.encode(
    JSON.stringify([
      version,
      suite,
      plain(workload, "workload"),
      plain(faults, "faults"),
      packLists(choices),
      levels.indexOf(level)
    ])
  )
}

const shown = (text: string): string =>
  JSON.stringify(text.length > maxShown ? `${text.slice(0, maxShown)}…` : text)

const noToken = (text: string): InvalidToken =>
  new InvalidToken({
    reason: "NoToken",
    problem: `${shown(text)} is no token: those are letters, digits, - and _, and begin with Wz, as printed after a failure`
  })

const damaged = (text: string): InvalidToken =>
  new InvalidToken({
    reason: "Damaged",
    problem: `the token ${shown(text)} of ${text.length} characters is cut short or changed: copy the whole of it`
  })

const parse = (text: string): unknown => {
  const json = Result.getOrUndefined(Base64Url.decodeString(text))
  if (json === undefined) return undefined
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** The parts of a token of this version, and its suite. */
const open = (
  token: string
): { readonly suite: string; readonly rest: ReadonlyArray<unknown>; readonly text: string } => {
  const text = token.trim()
  if (!looksLikeToken.test(text)) throw noToken(text)
  const parts = parse(text)
  if (!Array.isArray(parts)) throw damaged(text)
  const [written, suite, ...rest]: ReadonlyArray<unknown> = parts
  if (typeof written === "number" && written > version) {
    throw new InvalidToken({
      reason: "NewerVersion",
      problem: `the token ${shown(text)} is of version ${written}, which a newer @holdfast/sim wrote; this one reads ${version}`
    })
  }
  if (written !== version || typeof suite !== "string") throw damaged(text)
  return { suite, rest, text }
}

/** The name of the suite that a token is of. Throws `InvalidToken`. */
export const suiteOf = (token: string): string => open(token).suite

/** What a token of `suite` holds. Throws `InvalidToken`, and nothing else whatever the text. */
export const decode = (token: string, suite: string): Replay => {
  const { rest, suite: written, text } = open(token)
  if (written !== suite) {
    throw new InvalidToken({
      reason: "OtherSuite",
      problem: `the token ${shown(text)} is of the suite ${shown(written)}, not of ${shown(suite)}`
    })
  }
  const [plainWorkload, plainFaults, lists, levelIndex] = rest
  const workload = fromPlain(plainWorkload)
  const faults = fromPlain(plainFaults)
  const choices = unpackLists(lists)
  const level = typeof levelIndex === "number" ? levels[levelIndex] : undefined
  if (workload === undefined || faults === undefined || !Array.isArray(faults.value)) throw damaged(text)
  if (choices === undefined || level === undefined || rest.length !== 4) throw damaged(text)
  return { suite, workload: workload.value, faults: faults.value, choices, level }
}
