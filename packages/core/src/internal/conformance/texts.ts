/** Keys and values that a store might take for something else. */
import { Effect, Exit } from "effect"
import {
  apart,
  type Check,
  check,
  expect,
  expectEqual,
  fieldsOf,
  keep,
  listed,
  locked,
  type Process,
  put
} from "./kit.ts"

/** Well-formed, not empty, and at most 200 characters: what a store must take. */
const keys: ReadonlyArray<string> = [
  "__proto__",
  "constructor",
  "toString",
  "a",
  "A",
  "a ",
  " a",
  "a.",
  "a/b",
  "a/b/../c",
  "..",
  ".",
  "/",
  "\\",
  "a\\b",
  "a:b",
  "a%b",
  "a%2Fb",
  "a_b",
  "a*b?",
  "[a]",
  "'; DROP TABLE rows; --",
  '"quoted"',
  "a\nb",
  "a\r\nb",
  "a\tb",
  "a\u0000b",
  "con",
  "nul.json",
  "lock:a",
  "next:a",
  "a.lock",
  "a.tmp",
  "é",
  "e\u0301",
  "ß",
  "ss",
  "İ",
  "\u{1f600}",
  "\ufffd",
  "\uff5e",
  "日本語/キー",
  "x".repeat(200),
  "界".repeat(200),
  "\u{1f600}".repeat(100)
]

/** Texts, also such that are no JSON, or not the JSON that one would write. */
const values: ReadonlyArray<string> = [
  "",
  " ",
  "\n",
  "null",
  "undefined",
  "not JSON",
  '"',
  "{",
  '{"b":1,"a":2}',
  '{ "a" : 1.0 }',
  '{"a":1,"a":2}',
  '{"__proto__":{"polluted":true}}',
  "9007199254740993",
  "1e400",
  "-0",
  "[1,\n2]\r\n",
  "a\u0000b",
  "\u0000",
  "\ufeff{}",
  "\u2028\u2029",
  "e\u0301",
  "\u{1f600}",
  "\u{10ffff}",
  "\uffff",
  "'); DROP TABLE rows; --",
  "tail\n\n",
  `${"long ".repeat(200_000)}end`,
  "界".repeat(400_000)
]

const codeOf = (text: string): string => {
  const code = JSON.stringify(text)
  return code.length > 60 ? `${code.slice(0, 60)}…` : code
}

const readAll = ({ store }: Process) =>
  Effect.forEach(keys, (key) => Effect.map(store.read(key), (stored) => stored?.value))

const writeAll = ({ store }: Process) =>
  Effect.forEach(keys, (key, index) => store.transact(key, put(`value ${index}`)), { discard: true })

const expectedAll = keys.map((_, index) => `value ${index}`)

const expectAll = (process: Process) =>
  Effect.flatMap(readAll(process), (found) =>
    Effect.forEach(found, (value, index) =>
      expectEqual(`the value of the key ${codeOf(keys[index] ?? "")}`, value, expectedAll[index])
    )
  )

const everyKey = check("every key has a value of its own, whatever it looks like", ["LS-2"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    for (const key of keys) {
      yield* expectEqual(`what is stored for ${codeOf(key)}`, yield* process.store.read(key), undefined)
    }
    yield* writeAll(process)
    yield* expectAll(process)
  })
)

const everyLock = check("every key has a lock of its own, whatever it looks like", ["LK-1"], ({ open }) =>
  Effect.gen(function* () {
    const process = yield* open
    // All of them at once: one that is the same as another would wait for ever.
    const scoped = Effect.forEach(keys, (key) => process.lock.acquire(key), { discard: true })
    yield* Effect.scoped(scoped)
    for (const key of keys) yield* locked(process, key, () => Effect.void, { wait: 0 })
  })
)

/** Each once and in order; what is wrong is said of one key, as all of them are too many to look at. */
const expectKeys = (prefix: string, found: ReadonlyArray<string>) => {
  const expected = keys.filter((key) => key.startsWith(prefix))
  const what = prefix === "" ? "the keys" : `the keys that begin with ${codeOf(prefix)}`
  const extra = found.find((key) => !expected.includes(key))
  const lacking = expected.find((key) => !found.includes(key))
  const twice = found.find((key, index) => found.indexOf(key) < index)
  const late = found.findIndex((key, index) => index > 0 && key < (found[index - 1] ?? ""))
  if (extra !== undefined) return expect(false, `${codeOf(extra)} is among ${what}`)
  if (lacking !== undefined) return expect(false, `${codeOf(lacking)} is not among ${what}`)
  if (twice !== undefined) return expect(false, `${codeOf(twice)} is twice among ${what}`)
  const order = () =>
    `${what} are not in order: ${codeOf(found[late] ?? "")} comes after ${codeOf(found[late - 1] ?? "")}`
  return expect(late < 0, order)
}

const everyPrefix = check(
  "the keys that begin with a prefix are found, those with a value, each once and in order",
  ["LS-2"],
  ({ open }) =>
    Effect.gen(function* () {
      const process = yield* open
      yield* expectEqual("the keys of an empty store", yield* listed(process, ""), [])
      yield* locked(process, "a locked key", () => Effect.void)
      yield* writeAll(process)
      yield* process.store.transact("a kept key", keep)
      for (const prefix of ["", "a", "a%", "a_", "A", "e", "é", "_", "..", "\u0000", "x".repeat(200), "zz"]) {
        yield* expectKeys(prefix, yield* listed(process, prefix))
      }
    })
)

const everyValue = check("every text is kept as it is", ["LS-2"], ({ open }) =>
  Effect.gen(function* () {
    const { store } = yield* open
    for (const value of values) {
      yield* store.transact("a", put(value))
      const stored = yield* store.read("a")
      yield* expect(
        stored?.value === value,
        () => `${codeOf(value)} has become ${codeOf(stored?.value ?? "")}`
      )
    }
    yield* expectEqual("the version", (yield* store.read("a"))?.version, values.length)
  })
)

const halves = check(
  "a text with half of a surrogate pair is kept as it is, or refused and the old value intact",
  ["LS-2"],
  ({ open }) =>
    Effect.gen(function* () {
      const { store } = yield* open
      for (const value of ["\ud83d", "a\ude00b", "\udbff\ud800"]) {
        yield* store.transact("a", put("old"))
        const exit = yield* Effect.exit(store.transact("a", put(value)))
        const found = (yield* store.read("a"))?.value
        const expected = Exit.isSuccess(exit) ? value : "old"
        yield* expect(found === expected, () => `${codeOf(value)} has become ${codeOf(found ?? "")}`)
      }
    })
)

const numbers = check("the version of a schema is kept, however high", ["LS-7"], ({ open }) =>
  Effect.gen(function* () {
    const { store } = yield* open
    for (const version of [1, 2, 255, 65_536, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER]) {
      yield* store.transact("a", put("value", version))
      yield* expectEqual("the version of the schema", (yield* store.read("a"))?.schemaVersion, version)
    }
  })
)

const reopened = check(
  "every key and every text is there when the store is opened again",
  ["LS-1"],
  (world) =>
    Effect.gen(function* () {
      const first = yield* apart(world)
      yield* writeAll(first)
      for (const [index, value] of values.entries()) yield* first.store.transact(`text ${index}`, put(value))
      yield* first.close
      const second = yield* world.open
      yield* expectAll(second)
      for (const [index, value] of values.entries()) {
        const stored = yield* second.store.read(`text ${index}`)
        yield* expect(
          stored?.value === value,
          () => `${codeOf(value)} has become ${codeOf(stored?.value ?? "")}`
        )
      }
    }),
  ["kept"]
)

const completely = check(
  "all that belongs to a value is there when the store is opened again",
  ["LS-1", "LS-7"],
  (world) =>
    Effect.gen(function* () {
      const first = yield* apart(world)
      yield* first.store.transact("plain", put("one", 7))
      yield* first.store.transact("plain", put("two", 8))
      yield* locked(first, "leased", ({ fence }) => first.store.transact("leased", put("one", 9), { fence }))
      const fieldsFrom = ({ store }: Process) =>
        Effect.forEach(["plain", "leased"], (key) => Effect.map(store.read(key), fieldsOf))
      const before = yield* fieldsFrom(first)
      yield* first.close
      const [plain, leased] = yield* fieldsFrom(yield* world.open)
      const what = "value, version, fence, version of the schema, and time"
      yield* expectEqual(`what was written without a lease (${what})`, plain, before[0])
      yield* expectEqual(`what was written under a lease (${what})`, leased, before[1])
    }),
  ["kept"]
)

export const texts: ReadonlyArray<Check> = [
  everyKey,
  everyLock,
  everyPrefix,
  everyValue,
  halves,
  numbers,
  reopened,
  completely
]
