/** How a store is broken on purpose: a store on a machine, with a change to its backend, or to what it gives. */
import { Lock, StateBackend, StateStore } from "@holdfast/core"
import type * as StateConformance from "@holdfast/core/StateConformance"
import { Context, Effect } from "effect"
import { calm, StateMachine } from "../../sim/support/stateMachine.ts"

export type Subject = StateConformance.Subject<StateMachine>

/** What is wrong with a store, and a case that has to find it. */
export interface Broken {
  readonly what: string
  readonly subject: Subject
  readonly foundBy: string
}

/** What else happens when a process is killed. */
type OnKill = (machine: StateMachine, owner: string) => void

/** What becomes of the commits that a device fails at. */
const ends = ["unknown, and done", "unknown, and not done", "unreadable"] as const

let processes = 0

export const subjectOf = (
  backendOf: (machine: StateMachine, owner: string) => StateBackend.StateBackend,
  instanceOf: (instance: StateConformance.Instance, machine: StateMachine) => StateConformance.Instance = (
    instance
  ) => instance,
  onKill: OnKill = () => undefined
): Subject => {
  const openAs = (machine: StateMachine, owner: string) =>
    Effect.map(StateBackend.make(backendOf(machine, owner)), (instance) => instanceOf(instance, machine))
  return {
    // What is repaired takes its numbers from the wall clock.
    place: Effect.map(Effect.sleep("1 hour"), () => new StateMachine()),
    open: (machine) => Effect.suspend(() => openAs(machine, `pid ${++processes}`)),
    isShared: true,
    isKept: true,
    openDoomed: (machine) =>
      Effect.suspend(() => {
        const owner = `pid ${++processes}`
        return Effect.map(openAs(machine, owner), (instance) => ({
          instance,
          kill: Effect.sync(() => {
            machine.kill(owner)
            onKill(machine, owner)
          })
        }))
      }),
    corrupt: (machine, key) => Effect.sync(() => machine.corrupt.add(key)),
    isThere: (machine, aside) => Effect.sync(() => machine.asides.has(aside)),
    failAt: (machine, nth, failure) =>
      Effect.sync(() => machine.failAt(nth, failure === "Full" ? "full" : (ends[nth % 3] ?? "full"))),
    patience: "2 hours"
  }
}

export const withBackend = (
  change: (
    backend: StateBackend.StateBackend,
    machine: StateMachine,
    owner: string
  ) => Partial<StateBackend.StateBackend>,
  onKill?: OnKill
): Subject =>
  subjectOf(
    (machine, owner) => {
      const backend = machine.process(owner)
      return { ...backend, ...change(backend, machine, owner) }
    },
    undefined,
    onKill
  )

export const withStore = (
  change: (
    store: StateStore.StateStore["Service"],
    machine: StateMachine
  ) => Partial<StateStore.StateStore["Service"]>
): Subject =>
  subjectOf(
    (machine, owner) => machine.process(owner),
    (instance, machine) => {
      const store = Context.get(instance, StateStore.StateStore)
      return Context.add(instance, StateStore.StateStore, { ...store, ...change(store, machine) })
    }
  )

export const withLock = (
  change: (lock: Lock.Lock["Service"], machine: StateMachine) => Partial<Lock.Lock["Service"]>,
  onKill?: OnKill
): Subject =>
  subjectOf(
    (machine, owner) => machine.process(owner),
    (instance, machine) => {
      const lock = Context.get(instance, Lock.Lock)
      return Context.add(instance, Lock.Lock, { ...lock, ...change(lock, machine) })
    },
    onKill
  )

/** The same on a machine that takes its time, so that much can happen in the midst of a commit. */
export const slowly = (subject: Subject): Subject => ({
  ...subject,
  place: Effect.map(
    Effect.sleep("1 hour"),
    () => new StateMachine({ ...calm, commitNanos: 700_000, readNanos: 50_000, lockNanos: 50_000 })
  )
})

/** One that keeps all of its promises. */
export const sound: Subject = subjectOf((machine, owner) => machine.process(owner))
