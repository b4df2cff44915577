/** Stores that are wrong about who is there: who gave up, who died, and who failed. */
import { Lock, OutcomeUnknown, type StateBackend } from "@holdfast/core"
import { Cause, Effect, Exit, Scope } from "effect"
import type { StateMachine } from "../../sim/support/stateMachine.ts"
import { type Broken, slowly, withBackend, withLock, withStore } from "./brokenKit.ts"

/** Something of each machine's own. */
const ofMachine = <A>(make: () => A): ((machine: StateMachine) => A) => {
  const known = new WeakMap<StateMachine, A>()
  return (machine) => {
    const found = known.get(machine) ?? make()
    known.set(machine, found)
    return found
  }
}

/** Who gives up lets go of what somebody else has. */
const freeing = (frees: (cause: Cause.Cause<unknown>) => boolean) => {
  const holdersOf = ofMachine(() => new Map<string, Scope.Closeable>())
  return withLock(({ acquire }, machine) => {
    const holders = holdersOf(machine)
    const free = (key: string) => {
      const holder = holders.get(key)
      return holder === undefined ? Effect.void : Scope.close(holder, Exit.void)
    }
    return {
      acquire: (key, options) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
          const lease = yield* Effect.onError(Scope.provide(acquire(key, options), scope), (cause) =>
            frees(cause) ? free(key) : Effect.void
          )
          holders.set(key, scope)
          yield* Scope.addFinalizer(
            scope,
            Effect.sync(() => {
              if (holders.get(key) === scope) holders.delete(key)
            })
          )
          return lease
        })
    }
  })
}

const ghostsOf = ofMachine(() => ({ ever: new Set<string>(), seen: new Set<string>() }))

const ghosts = withLock(
  ({ acquire, isHeld }, machine) => {
    const { ever, seen } = ghostsOf(machine)
    const note = (lease: Lock.Lease) =>
      Effect.sync(() => {
        ever.add(lease.key)
        seen.delete(lease.key)
      })
    return {
      acquire: (key, options) => Effect.tap(acquire(key, options), note),
      isHeld: (key) => Effect.flatMap(isHeld(key), (isHeld) => Effect.sync(() => isHeld || seen.has(key)))
    }
  },
  (machine) => {
    const { ever, seen } = ghostsOf(machine)
    for (const key of ever) seen.add(key)
  }
)

const beforesOf = ofMachine(() => new Map<string, StateBackend.Row | undefined>())

/** A lease is durable with the first value that is written under it. */
const lazyLeases = withBackend(
  (backend, machine) => {
    const befores = beforesOf(machine)
    return {
      commit: (document, decide) =>
        backend.commit(document, (read) => {
          const changed = decide(read)
          for (const [key, row] of changed) {
            const before = machine.rows.get(key)
            if (row.stored !== before?.stored) befores.delete(key)
            else if (!befores.has(key)) befores.set(key, before)
          }
          return changed
        })
    }
  },
  (machine) => {
    const befores = beforesOf(machine)
    for (const [key, row] of befores) {
      if (row === undefined) machine.rows.delete(key)
      else machine.rows.set(key, row)
    }
    befores.clear()
  }
)

const deadOf = ofMachine(() => new Set<string>())

/** What is on its way arrives although its sender has died. */
const posthumous = withBackend(
  (_backend, machine, owner) => ({
    commit: (document, decide) =>
      Effect.gen(function* () {
        if (!machine.take(document, owner)) return false
        const seen = new Map<string, StateBackend.Row | undefined>()
        const changed = decide((key) => {
          seen.set(key, machine.rows.get(key))
          return machine.find(key)
        })
        yield* Effect.yieldNow
        yield* Effect.yieldNow
        const apply = Effect.sync(() => {
          const isStale = Array.from(seen).some(([key, row]) => machine.rows.get(key) !== row)
          for (const [key, row] of isStale ? [] : changed) machine.rows.set(key, row)
        })
        if (deadOf(machine).has(owner)) {
          yield* Effect.forkDetach(Effect.andThen(Effect.sleep("50 millis"), apply))
          return yield* Effect.interrupt
        }
        yield* apply
        return true
      }).pipe(Effect.ensuring(Effect.sync(() => machine.release(document, owner))))
  }),
  (machine, owner) => deadOf(machine).add(owner)
)

const draftsOf = ofMachine(() => new Map<string, StateBackend.Row>())

/** What is on its way to the disk can be read already. */
const hasty = withBackend(
  (backend, machine, owner) => {
    const drafts = draftsOf(machine)
    return {
      read: (key) =>
        Effect.suspend(() => {
          const draft = drafts.get(key)
          return draft === undefined ? backend.read(key) : Effect.succeed(draft)
        }),
      commit: (document, decide) =>
        Effect.gen(function* () {
          if (!machine.take(document, owner)) return false
          const changed = decide((key) => machine.find(key))
          for (const [key, row] of changed) drafts.set(key, row)
          yield* Effect.sleep(2)
          if (deadOf(machine).has(owner)) return yield* Effect.interrupt
          for (const [key, row] of changed) machine.rows.set(key, row)
          drafts.clear()
          machine.release(document, owner)
          return true
        })
    }
  },
  (machine, owner) => {
    deadOf(machine).add(owner)
    draftsOf(machine).clear()
  }
)

/** Has no room for the second half of a commit. */
const halved = withBackend((backend, machine) => ({
  commit: (document, decide) => {
    let changed: ReadonlyMap<string, StateBackend.Row> = new Map()
    const noted = backend.commit(document, (read) => {
      changed = decide(read)
      return changed
    })
    return Effect.tapErrorTag(noted, "StoreFull", () =>
      Effect.sync(() => {
        for (const [key, row] of changed) machine.rows.set(key, row)
      })
    )
  }
}))

const optimist = withBackend((backend) => ({
  commit: (document, decide) =>
    Effect.catchTag(backend.commit(document, decide), "OutcomeUnknown", () => Effect.succeed(true))
}))

const pessimist = withStore((store) => ({
  transact: (key, decide, options) =>
    Effect.catchIf(
      store.transact(key, decide, options),
      (error) => error instanceof OutcomeUnknown,
      () => Effect.interrupt
    )
}))

/** Whoever met a deadline has waited for something, has he not? */
const inVain = withStore((store) => ({
  transact: (key, decide, options) =>
    Effect.catchIf(
      store.transact(key, decide, options),
      (error) => error instanceof OutcomeUnknown,
      () => Effect.fail(new Lock.LockTimeout({ key, waitedMillis: 1, limit: "InheritedDeadline" }))
    )
}))

export const brokenDeaths: ReadonlyArray<Broken> = [
  {
    what: "frees what somebody has when another one is interrupted",
    subject: freeing(Cause.hasInterrupts),
    foundBy: "who gives up waiting takes nothing from the one who has the key"
  },
  {
    what: "frees what a process has when one of another process is interrupted",
    subject: freeing(Cause.hasInterrupts),
    foundBy: "who gives up waiting takes nothing from another process that has the key"
  },
  {
    what: "frees what somebody has when the time of another one is up",
    subject: freeing((cause) => !Cause.hasInterrupts(cause)),
    foundBy: "who gives up waiting takes nothing from the one who has the key"
  },
  {
    what: "sees the dead",
    subject: ghosts,
    foundBy: "nobody is seen to have what a killed process had"
  },
  {
    what: "forgets the fence of a holder that dies, and has written nothing",
    subject: lazyLeases,
    foundBy: "the fence of a killed process is not given again, also when it has written nothing"
  },
  {
    what: "writes for the dead",
    subject: posthumous,
    foundBy: "nothing changes any more when a process has died, whatever it was writing"
  },
  {
    what: "shows what it has not written yet",
    subject: hasty,
    foundBy: "what was read is not gone when the one who wrote it is killed"
  },
  {
    what: "writes for who was told that there is no room",
    subject: halved,
    foundBy: "changes that find no room are told so, and leave what was there"
  },
  {
    what: "takes what is unknown for done",
    subject: optimist,
    foundBy: "changes that a device fails at are told so, or that it is unknown"
  },
  {
    what: "does not tell of what is unknown",
    subject: pessimist,
    foundBy: "changes that a device fails at are told so, or that it is unknown"
  },
  {
    what: "tells who meets a deadline in a commit that nothing was done",
    subject: slowly(inVain),
    foundBy: "a change that a deadline ends is there, or not, or is told to be unknown"
  }
]
