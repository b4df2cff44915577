/** Processes that share the state of a directory, through whatever befalls them; and what must be true in the end. */
import { Lock } from "@holdfast/core"
import { Check, type Host } from "@holdfast/sim"
import { Effect, Exit } from "effect"
import { keys, type Step, Witness } from "./fileClients.ts"
import { type Blow, type Layout, Machine, pauseMillis } from "./filesMachine.ts"
import type { Variant } from "./plantedFiles.ts"

export interface Workload {
  readonly layout: Layout
  /** For each process, the steps of its fibers. */
  readonly processes: ReadonlyArray<ReadonlyArray<Step>>
  readonly blows: ReadonlyArray<Blow>
}

/** How many fibers of a process are at work at once. */
const atOnce = 2

/** A process takes steps until none are left; one that it was taking when it died is not taken again. */
const processOf = (machine: Machine, witness: Witness, layout: Layout, steps: ReadonlyArray<Step>) => {
  const left = [...steps]
  const work = (host: Host.Host) =>
    Effect.whileLoop({
      while: () => left.length > 0,
      body: () =>
        Effect.suspend(() => {
          const step = left.shift()
          return step === undefined ? Effect.void : witness.take(host, step)
        }),
      step: () => {}
    })
  return (host: Host.Host): Effect.Effect<void> => {
    const attempt = Effect.all(
      Array.from({ length: atOnce }, () => work(host)),
      { concurrency: atOnce, discard: true }
    ).pipe(Effect.provide(machine.store(host.name, layout, host)))
    // A store that could not be opened is opened again.
    return Effect.whileLoop({
      while: () => left.length > 0,
      body: () => Effect.catch(attempt, () => Effect.sleep(5)),
      step: () => {}
    })
  }
}

/** As a process sees it that comes when all the others are gone. */
const inspect = Effect.fnUntraced(function* (machine: Machine, witness: Witness) {
  for (const key of keys) {
    const free = yield* Effect.exit(Lock.withLock(Effect.void, key, { wait: 0 }))
    yield* Check.always(
      "LK-3",
      Exit.isSuccess(free),
      () => `nobody is left, and "${key}" is not free: ${free}`
    )
    yield* witness.kept(key, yield* Effect.orDie(witness.read("last", key)))
  }
  yield* witness.judgement
  const drafts = Array.from((yield* machine.files).keys()).filter((path) => path.endsWith(".tmp"))
  yield* Check.always("LS-1", drafts.length === 0, () => `there is left: ${drafts.join(", ")}`)
})

/** The longest that it may all take: every section, one after the other, and some patience. */
const patienceMillis = ({ blows, processes }: Workload): number =>
  processes
    .flat()
    .reduce(
      (sum, step) => sum + step.afterMillis + ("forMillis" in step ? step.forMillis : 0) + 200,
      10_000 + pauseMillis * blows.length
    )

/** Gives how many of the blows have struck. `name` begins the names of the processes. */
export const run = Effect.fnUntraced(function* (variant: Variant, workload: Workload, name = "p") {
  const { blows, layout, processes } = workload
  const machine = yield* Machine.make(variant, blows)
  const witness = yield* Witness.make
  for (const [index, steps] of processes.entries()) {
    yield* machine.start(`${name}${index + 1}`, processOf(machine, witness, layout, steps))
  }
  yield* Check.endsWithin("LK-6", patienceMillis(workload), machine.ended)
  yield* machine.calm
  yield* Effect.provide(inspect(machine, witness), machine.store("last", layout)).pipe(Effect.orDie)
  return machine.struck
})

/** So many runs together have a blow at every call. */
export const stride = 8

/** The same again and again, with a blow at the call `first`, at one that comes later, and so on until there is none. */
export const everywhere = Effect.fnUntraced(function* (
  variant: Variant,
  { first, kind, ...workload }: Omit<Workload, "blows"> & Pick<Blow, "kind"> & { readonly first: number }
) {
  let struck = 1
  for (let afterCalls = first; struck > 0; afterCalls += stride) {
    struck = yield* run(variant, { ...workload, blows: [{ kind, afterCalls }] }, `p${afterCalls}-`)
  }
})
