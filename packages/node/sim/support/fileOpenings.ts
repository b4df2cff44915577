/** Processes that open a store in one fresh directory, not all of them with the same layout. */
import { StateStore } from "@holdfast/core"
import { Check, type Host } from "@holdfast/sim"
import { Effect, Exit, Result } from "effect"
import * as fc from "fast-check"
import { type Blow, type Layout, Machine } from "./filesMachine.ts"
import { blow, layout } from "./fileWorkload.ts"
import type { Variant } from "./plantedFiles.ts"

export interface Openings {
  /** One for each process. */
  readonly layouts: ReadonlyArray<Layout>
  readonly blows: ReadonlyArray<Blow>
}

export const openings: fc.Arbitrary<Openings> = fc.record({
  layouts: fc.array(layout, { minLength: 2, maxLength: 4 }),
  blows: fc.array(blow, { maxLength: 2 })
})

const key = "a"

const add = Effect.flatMap(StateStore.StateStore, (store) =>
  store.transact(key, (current) => {
    const value = String(Number(current?.value ?? "0") + 1)
    return Result.succeed({ _tag: "Write", value, schemaVersion: 1, result: undefined })
  })
)

const read = Effect.flatMap(StateStore.StateStore, (store) =>
  Effect.map(store.read(key), (stored) => Number(stored?.value ?? "0"))
)

/** One of the layouts, and only one, can be opened, and has all that was acknowledged. */
const inspect = Effect.fnUntraced(function* (machine: Machine, added: number) {
  const exits = yield* Effect.forEach(["perKey", "single"] as const, (layout) =>
    Effect.exit(Effect.provide(read, machine.store("last", layout)))
  )
  const opened = exits.filter(Exit.isSuccess)
  yield* Check.always("LS-1", opened.length === 1, () => `${opened.length} layouts can be opened: ${exits}`)
  const [found] = opened
  yield* Check.always(
    "LS-1",
    found !== undefined && found.value >= added,
    () => `${added} were acknowledged, and there is ${found?.value}`
  )
})

/** Each process opens the store, adds one, and is done when that was acknowledged, or it was refused. */
export const open = Effect.fnUntraced(function* (variant: Variant, { blows, layouts }: Openings) {
  const machine = yield* Machine.make(variant, blows)
  const acknowledged = new Set<Layout>()
  let added = 0
  const note = (layout: Layout) =>
    Effect.suspend(() => {
      acknowledged.add(layout)
      added++
      return Check.always("LS-1", acknowledged.size === 1, () => "both layouts were written")
    })
  const processOf = (layout: Layout) => (host: Host.Host) => {
    const attempt = Effect.provide(add, machine.store(host.name, layout, host)).pipe(
      Effect.andThen(note(layout)),
      Effect.as(true),
      Effect.catch((error) =>
        Effect.succeed(error._tag === "StoreUnavailable" && error.reason === "Unsupported")
      )
    )
    const untilDone: Effect.Effect<void> = Effect.flatMap(attempt, (isDone) =>
      isDone ? Effect.void : Effect.andThen(Effect.sleep(5), untilDone)
    )
    return untilDone
  }
  for (const [index, layout] of layouts.entries()) yield* machine.start(`p${index + 1}`, processOf(layout))
  yield* machine.ended
  yield* machine.calm
  yield* inspect(machine, added)
})
