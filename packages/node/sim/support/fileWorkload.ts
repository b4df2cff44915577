/** What befalls the processes of a machine, and what they want. */
import * as fc from "fast-check"
import { type Step, step } from "./fileClients.ts"
import { stride, type Workload } from "./fileRun.ts"
import type { Blow } from "./filesMachine.ts"

export const layout = fc.constantFrom("perKey" as const, "single" as const)

const kind = fc.constantFrom<Blow["kind"]>("Kill", "PowerCut", "Pause", "EIO", "ENOSPC")

export const blow: fc.Arbitrary<Blow> = fc.record({
  kind,
  afterCalls: fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 300 }))
})

/** All sorts of things. */
export const mixed: fc.Arbitrary<Workload> = fc.record({
  layout,
  processes: fc.array(fc.array(step, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
  blows: fc.array(blow, { maxLength: 3 })
})

const now = { key: "a", afterMillis: 0 }

/** Everybody wants the same at once. */
export const contended: fc.Arbitrary<Workload> = fc.record({
  layout,
  processes: fc.array(
    fc.array(
      fc.constantFrom<Step>(
        { ...now, _tag: "Add", amount: 1 },
        { ...now, _tag: "Look" },
        { ...now, _tag: "Section", amount: 1, forMillis: 0 }
      ),
      { minLength: 1, maxLength: 4 }
    ),
    { minLength: 2, maxLength: 5 }
  ),
  blows: fc.constant([])
})

const looks = fc.array(
  fc.record({
    key: fc.constant("a"),
    // A write takes about as long.
    afterMillis: fc.integer({ min: 0, max: 4 }),
    _tag: fc.constantFrom("Read", "Read", "Look")
  }),
  { minLength: 2, maxLength: 10 }
)

/** Some look at what another one writes, and the power fails. */
export const readers: fc.Arbitrary<Workload> = fc
  .record({ layout, afterCalls: fc.integer({ min: 1, max: 150 }), looks: fc.tuple(looks, looks) })
  .map(({ afterCalls, layout, looks }) => {
    const writer: ReadonlyArray<Step> = Array.from({ length: 3 }, () => ({ ...now, _tag: "Add", amount: 1 }))
    return { layout, processes: [writer, ...looks], blows: [{ kind: "PowerCut", afterCalls }] }
  })

/** One process at a time: what it leaves is looked at by the next. */
export const everywhere = fc.record({
  first: fc.integer({ min: 1, max: stride }),
  kind: fc.constantFrom<Blow["kind"]>("Kill", "PowerCut", "EIO", "ENOSPC"),
  layout,
  processes: fc.constantFrom<Workload["processes"]>(
    [
      [
        { ...now, _tag: "Add", amount: 1 },
        { ...now, _tag: "Add", amount: 1 }
      ]
    ],
    [[{ ...now, _tag: "Section", amount: 1, forMillis: 0 }]]
  )
})
