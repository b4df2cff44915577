/** All that is done to one store. */
import { Effect } from "effect"
import { temporaryDirectory } from "../utils/directory.ts"
import { flips } from "./flips.ts"
import type { Violation } from "./history.ts"
import { whileBlocked, whileCollected } from "./holding.ts"
import { Rounds } from "./rounds.ts"
import type { StoreName } from "./stores.ts"

export interface Plan {
  readonly rounds: number
  readonly survivors: number
  readonly limitMillis: number
  readonly blockMillis: number
  readonly flips: number
}

export interface Finding extends Violation {
  readonly where: string
}

export interface Result {
  readonly store: StoreName
  /** How many were made; less than planned when there was a finding. */
  readonly rounds: number
  /** From each death until somebody else had what the dead one may have had, in milliseconds. */
  readonly takeoversMillis: ReadonlyArray<number>
  readonly findings: ReadonlyArray<Finding>
}

type Progress = (text: string) => Effect.Effect<unknown>

const at =
  (where: string) =>
  (violation: Violation): Finding => ({ where, ...violation })

const kills = (store: StoreName, plan: Plan, progress: Progress) =>
  Effect.gen(function* () {
    const torture = new Rounds({ ...plan, store, directory: yield* temporaryDirectory })
    const { points } = torture
    const takeoversMillis: Array<number> = []
    for (let round = 1; round <= plan.rounds; round++) {
      const where = points[round % points.length] ?? "at any moment"
      yield* progress(`${store}: round ${round} of ${plan.rounds}, killed ${where}`)
      const { takeoverMillis, violations } = yield* torture.run(where)
      if (takeoverMillis !== undefined) takeoversMillis.push(takeoverMillis)
      if (violations.length > 0) {
        return {
          rounds: round,
          takeoversMillis,
          findings: violations.map(at(`round ${round}, killed ${where}`))
        }
      }
    }
    return { rounds: plan.rounds, takeoversMillis, findings: [] }
  }).pipe(Effect.scoped)

const holds = (store: StoreName, plan: Plan, progress: Progress) =>
  Effect.gen(function* () {
    yield* progress(`${store}: an event loop is blocked for ${plan.blockMillis} ms`)
    const block = { store, directory: yield* temporaryDirectory }
    const blocked = yield* whileBlocked(block, plan.blockMillis)
    yield* progress(`${store}: garbage is collected`)
    const collect = { store, directory: yield* temporaryDirectory }
    const collected = yield* whileCollected(collect)
    return [...blocked.map(at("event loop blocked")), ...collected.map(at("garbage collected"))]
  }).pipe(Effect.scoped)

export const torment = Effect.fnUntraced(function* (store: StoreName, plan: Plan, progress: Progress) {
  const killed = yield* kills(store, plan, progress)
  const held = yield* holds(store, plan, progress)
  yield* progress(`${store}: ${plan.flips} bits are flipped`)
  const flipped = yield* flips(store, plan.flips)
  const findings = [...killed.findings, ...held, ...flipped.map(at("a flipped bit"))]
  return { ...killed, store, findings } satisfies Result
})
