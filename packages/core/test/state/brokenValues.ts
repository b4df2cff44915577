/** Stores that are wrong about what belongs to a value: its numbers, its time, and what becomes of it. */
import { Effect, Result, Stream } from "effect"
import { type Broken, subjectOf, withBackend, withStore } from "./brokenKit.ts"

const sparing = withStore((store) => ({
  transact: (key, decide, options) =>
    store.transact(
      key,
      (current) =>
        Result.map(decide(current), (decision) =>
          decision._tag === "Write" && current?.value === decision.value
            ? { _tag: "Keep", result: decision.result }
            : decision
        ),
      options
    )
}))

const timeless = withStore((store) => ({
  read: (key) => Effect.map(store.read(key), (stored) => stored && { ...stored, writtenAtMillis: 0 })
}))

const firstSchema = subjectOf((machine, owner) => {
  for (const [key, row] of machine.rows) {
    if (row.stored === undefined) continue
    machine.rows.set(key, { ...row, stored: { ...row.stored, schemaVersion: 1 } })
  }
  return machine.process(owner)
})

const byValue = withStore((store) => ({
  watch: (key) => Stream.changesWith(store.watch(key), (one, other) => one?.value === other?.value)
}))

const silent = withStore((store) => ({
  watch: (key) => Stream.catchTag(store.watch(key), "StateCorrupted", () => Stream.never)
}))

const beginsAnew = withBackend((backend, machine) => ({
  repair: (key, row) =>
    row.stored !== undefined
      ? backend.repair(key, row)
      : Effect.sync(() => {
          if (!machine.corrupt.delete(key)) return undefined
          machine.rows.delete(key)
          return "aside"
        })
}))

const listsEmptied = withBackend((_backend, machine) => ({
  keys: (prefix) =>
    Effect.sync(() =>
      Array.from(machine.rows)
        .flatMap(([key, { version }]) => (version > 0 && key.startsWith(prefix) ? [key] : []))
        .sort()
    )
}))

const disordered = withBackend((backend) => ({
  keys: (prefix) =>
    Effect.map(backend.keys(prefix), (keys) => {
      const swapped = keys.slice()
      if (keys.length > 1) swapped.splice(0, 2, ...keys.slice(0, 2).reverse())
      return swapped
    })
}))

const putAside = (name: string) =>
  withBackend((backend) => ({
    repair: (key, row) =>
      Effect.map(backend.repair(key, row), (aside) => (typeof aside === "string" ? name : aside))
  }))

let lies = 0

const throwsAway = withBackend((backend) => ({
  repair: (key, row) =>
    Effect.map(backend.repair(key, row), (aside) => (typeof aside === "string" ? `aside ${lies++}` : aside))
}))

/** The rows are in memory, where closing does not reach them. */
const neverCloses = withStore((_store, machine) => ({
  read: (key) =>
    Effect.map(
      Effect.suspend(() => Effect.fromResult(machine.find(key))),
      (row) => row?.stored
    )
}))

export const brokenValues: ReadonlyArray<Broken> = [
  {
    what: "does not write what is there already",
    subject: sparing,
    foundBy: "writing what is there already is a change, and its version grows"
  },
  {
    what: "has no clock",
    subject: timeless,
    foundBy: "what is written says when it was, by the clock of who wrote it"
  },
  {
    what: "forgets the version of a schema when it is closed",
    subject: firstSchema,
    foundBy: "all that belongs to a value is there when the store is opened again"
  },
  {
    what: "tells of changes by their values",
    subject: byValue,
    foundBy: "watching sees also that what is there is written once more"
  },
  {
    what: "does not tell who watches that a value is corrupt",
    subject: silent,
    foundBy: "who watches what is corrupt is told so, and sees it again when it is repaired"
  },
  {
    what: "begins anew when it repairs without a value",
    subject: beginsAnew,
    foundBy: "repairing without a value leaves none, and forgets no numbers"
  },
  {
    what: "lists keys that were repaired without a value",
    subject: listsEmptied,
    foundBy: "repairing without a value leaves none, and forgets no numbers"
  },
  {
    what: "puts all that was corrupt in one place",
    subject: putAside("/dev/null"),
    foundBy: "each repair says where it has put what was corrupt, and that is another place each time"
  },
  {
    what: "does not say where it has put what was corrupt",
    subject: putAside(""),
    foundBy: "each repair says where it has put what was corrupt, and that is another place each time"
  },
  {
    what: "throws away what was corrupt",
    subject: throwsAway,
    foundBy: "what was corrupt is where the repair says that it has put it, and later repairs leave it there"
  },
  {
    what: "lists keys as it finds them",
    subject: disordered,
    foundBy: "the keys that begin with a prefix are found, those with a value, each once and in order"
  },
  {
    what: "can be looked at when it is closed",
    subject: neverCloses,
    foundBy: "a store that is closed does not even look"
  }
]
