/** Stores that break a promise each, for the conformance suite to find. */
import { Lock, type StateBackend } from "@holdfast/core"
import { Effect, Exit, Fiber, Result, Scope, Stream } from "effect"
import { brokenDeaths } from "./brokenDeaths.ts"
import { type Broken, subjectOf, withBackend, withLock, withStore } from "./brokenKit.ts"
import { brokenValues } from "./brokenValues.ts"

const lostUpdate = withBackend((_backend, machine) => ({
  commit: (_document, decide) =>
    Effect.gen(function* () {
      const changed = decide((key) => machine.find(key))
      yield* Effect.sleep(3)
      for (const [key, row] of changed) machine.rows.set(key, row)
      return true
    })
}))

const torn = withBackend((_backend, machine) => ({
  commit: (document, decide) =>
    Effect.gen(function* () {
      if (!machine.take(document, "torn")) return false
      const changed = decide((key) => machine.find(key))
      for (const [key, row] of changed) {
        const old = machine.rows.get(key)?.stored
        if (row.stored === undefined || old === undefined) continue
        machine.rows.set(key, { ...row, stored: { ...row.stored, value: old.value } })
      }
      yield* Effect.sleep(2)
      for (const [key, row] of changed) machine.rows.set(key, row)
      machine.release(document, "torn")
      return true
    })
}))

const writeBehind = withBackend((_backend, machine) => {
  const behind = new Map<string, StateBackend.Row>()
  const rowOf = (key: string) => behind.get(key) ?? machine.rows.get(key)
  return {
    read: (key) => Effect.sync(() => rowOf(key)),
    commit: (_document, decide) =>
      Effect.gen(function* () {
        for (const [key, row] of decide((key) => Result.succeed(rowOf(key)))) behind.set(key, row)
        yield* Effect.forkDetach(
          Effect.andThen(
            Effect.sleep(100),
            Effect.sync(() => {
              for (const [key, row] of behind) machine.rows.set(key, row)
              behind.clear()
            })
          )
        )
        return true
      })
  }
})

const forgetfulFences = subjectOf((machine, owner) => {
  // A key without a value is not worth keeping.
  for (const [key, { stored }] of machine.rows) if (stored === undefined) machine.rows.delete(key)
  return machine.process(owner)
})

const sameFence = withLock(({ acquire }) => ({
  acquire: (key, options) =>
    Effect.map(acquire(key, options), (lease) => ({ ...lease, fence: Lock.Fence(1) }))
}))

let waiters = 0

const barging = withLock(({ acquire }) => ({
  acquire: (key, options) => {
    if (options?.wait !== undefined) return acquire(key, options)
    const pauseMillis = ((waiters++ * 7) % 5) + 1
    const again: ReturnType<typeof acquire> = Effect.catchTag(
      Effect.suspend(() => acquire(key, { ...options, wait: 0 })),
      "LockTimeout",
      () => Effect.andThen(Effect.sleep(pauseMillis), again)
    )
    return again
  }
}))

const leaking = withLock(({ acquire }) => ({
  acquire: (key, options) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.addFinalizer((exit) =>
        Exit.hasInterrupts(exit) ? Effect.void : Scope.close(scope, Exit.void)
      )
      return yield* Scope.provide(acquire(key, options), scope)
    })
}))

const deafWatch = withStore((store) => ({
  watch: (key) => Stream.debounce(Stream.take(store.watch(key), 3), "5 millis")
}))

const repeatingWatch = withStore((store) => ({
  watch: (key) => Stream.flatMap(store.watch(key), (stored) => Stream.make(stored, stored))
}))

const ignoresLeases = withBackend((backend) => ({
  commit: (document, decide) =>
    backend.commit(document, (read) =>
      decide((key) => Result.map(read(key), (row) => (row === undefined ? undefined : { ...row, lease: 0 })))
    )
}))

const oldFenceWrites = withStore((store) => ({
  transact: (key, decide, options) =>
    options?.fence === undefined
      ? store.transact(key, decide, options)
      : Effect.flatMap(store.read(key), (stored) =>
          store.transact(key, decide, {
            ...options,
            fence: Lock.Fence(Math.max(options.fence ?? 0, (stored?.fence ?? 0) + 10))
          })
        )
}))

const late = withStore((store) => ({
  transact: (key, decide, options) =>
    Effect.flatMap(Effect.forkDetach(store.transact(key, decide, options)), (fiber) => Fiber.join(fiber))
}))

const timesOutAndWrites = withStore((store) => ({
  transact: (key, decide, { wait, ...options } = {}) => {
    const patient = store.transact(key, decide, options)
    if (wait === undefined) return patient
    const timeout = new Lock.LockTimeout({ key, waitedMillis: 1000, limit: "Wait", holder: "report" })
    return Effect.flatMap(Effect.forkDetach(patient), (fiber) =>
      Effect.raceFirst(
        Fiber.join(fiber),
        Effect.andThen(Effect.sleep(wait), Effect.andThen(Effect.yieldNow, Effect.fail(timeout)))
      )
    )
  }
}))

const overwritesCorrupt = withBackend((backend, machine) => ({
  read: (key) => Effect.sync(() => (machine.corrupt.has(key) ? undefined : machine.rows.get(key))),
  commit: (document, decide) =>
    backend.commit(document, (read) => {
      const changed = decide((key) => (machine.corrupt.has(key) ? Result.succeed(undefined) : read(key)))
      for (const key of changed.keys()) machine.corrupt.delete(key)
      return changed
    })
}))

const wildcards = withBackend((backend) => ({
  keys: (prefix) =>
    Effect.map(backend.keys(""), (keys) => {
      const pattern = new RegExp(`^${prefix.replaceAll("%", ".*").replaceAll("_", ".")}`, "su")
      return keys.filter((key) => pattern.test(key))
    })
}))

const foldsCase = withStore((store) => ({
  read: (key) => store.read(key.toLowerCase()),
  transact: (key, decide, options) => store.transact(key.toLowerCase(), decide, options)
}))

const canonical = withStore((store) => ({
  read: (key) =>
    Effect.map(store.read(key), (stored) => {
      if (stored === undefined) return undefined
      const parsed = Result.try(() => JSON.stringify(JSON.parse(stored.value)))
      return Result.isSuccess(parsed) ? { ...stored, value: parsed.success } : stored
    })
}))

const stale = withBackend((backend) => {
  const known = new Map<string, StateBackend.Row | undefined>()
  return {
    read: (key) =>
      known.has(key)
        ? Effect.sync(() => known.get(key))
        : Effect.tap(backend.read(key), (row) => Effect.sync(() => known.set(key, row))),
    commit: (document, decide) =>
      backend.commit(document, (read) => {
        const changed = decide(read)
        for (const [key, row] of changed) known.set(key, row)
        return changed
      })
  }
})

const repairsHealthy = withBackend((_backend, machine) => ({
  repair: (key, row) =>
    Effect.sync(() => {
      machine.corrupt.delete(key)
      machine.rows.set(key, row)
      return "aside"
    })
}))

export const broken: ReadonlyArray<Broken> = [
  {
    what: "loses the updates of others",
    subject: lostUpdate,
    foundBy: "of the changes that processes make at once none is lost"
  },
  {
    what: "publishes a value and its version one after the other",
    subject: torn,
    foundBy: "who reads while others write never goes back"
  },
  {
    what: "acknowledges before it has written",
    subject: writeBehind,
    foundBy:
      "a process that is killed at any moment leaves the old value or the new one, and what it was told is there"
  },
  {
    what: "forgets the fences of keys without a value",
    subject: forgetfulFences,
    foundBy: "fences go on increasing when the store is opened again, and versions too"
  },
  {
    what: "gives the same fence each time",
    subject: sameFence,
    foundBy: "every lease has a higher fence than those before it, however they ended"
  },
  {
    what: "lets waiters overtake each other",
    subject: barging,
    foundBy: "waiters come in the order of their arrival"
  },
  {
    what: "keeps the lock of who was interrupted",
    subject: leaking,
    foundBy: "a lock is free when its section has ended, however it has"
  },
  {
    what: "stops telling of changes",
    subject: deafWatch,
    foundBy: "watching sees each change that is waited for"
  },
  { what: "tells of changes twice", subject: repeatingWatch, foundBy: "watching shows nothing twice" },
  {
    what: "lets plain changes come between those of a lease",
    subject: ignoresLeases,
    foundBy: "a plain change waits for the lease of another, and sees what he has written"
  },
  {
    what: "takes what an old fence writes",
    subject: oldFenceWrites,
    foundBy: "what an old fence writes is refused"
  },
  {
    what: "writes for who was interrupted",
    subject: late,
    foundBy: "who is interrupted while he waits has done nothing, and will not"
  },
  {
    what: "writes for who was told that he had waited in vain",
    subject: timesOutAndWrites,
    foundBy: "who has waited long enough has done nothing, and will not"
  },
  {
    what: "writes over what is corrupt",
    subject: overwritesCorrupt,
    foundBy: "a corrupt value is told of, and nothing is written over it"
  },
  {
    what: "takes a prefix for a pattern",
    subject: wildcards,
    foundBy: "the keys that begin with a prefix are found, those with a value, each once and in order"
  },
  {
    what: "does not tell upper from lower case",
    subject: foldsCase,
    foundBy: "every key has a value of its own, whatever it looks like"
  },
  { what: "makes texts canonical", subject: canonical, foundBy: "every text is kept as it is" },
  {
    what: "reads what it remembers",
    subject: stale,
    foundBy: "what one process has written, the other reads at once"
  },
  {
    what: "repairs what can be read",
    subject: repairsHealthy,
    foundBy: "what can be read is not repaired"
  },
  ...brokenDeaths,
  ...brokenValues
]
