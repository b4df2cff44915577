/** A writer that works until it is told to end, or killed: it changes a ledger, and takes keys that others want, too. */
import type * as LockedState from "@holdfast/core/LockedState"
import type * as Register from "@holdfast/core/Register"
import * as Effect from "effect/Effect"
import { Numbers } from "../Numbers.ts"
import { tell } from "./lines.ts"
import type { Points } from "./points.ts"
import { counted, type Ledger } from "./state.ts"

export interface Desk {
  readonly name: string
  readonly register: Register.Register
  readonly ledger: LockedState.LockedState<Ledger>
  readonly points: Points
}

export const work = (desk: Desk, isOver: () => boolean) =>
  Effect.gen(function* () {
    for (let round = 0; !isOver(); round++) {
      yield* change(desk)
      yield* Effect.forEach(Numbers.contested, (key) => take(desk, key), { discard: true })
      if (round % 4 === 0) yield* changeAlone(desk)
      if (round < Numbers.kept) yield* keep(desk, round)
      yield* Effect.sleep(Numbers.millis.rest)
    }
  })

const change = ({ ledger, name, points }: Desk) =>
  Effect.gen(function* () {
    yield* ledger.update((all) => {
      points.reach("in a decision")
      return counted(all, name)
    })
    points.reach("before an acknowledgement")
    tell({ tag: "wrote" })
  })

/** Everybody else waits meanwhile. */
const changeAlone = ({ ledger, name, points }: Desk) =>
  Effect.gen(function* () {
    yield* ledger.modifyEffect((all, fence) =>
      Effect.gen(function* () {
        tell({ tag: "leased", fence })
        points.reach("with a lease")
        yield* Effect.sleep(Numbers.millis.lease)
        tell({ tag: "letting go", fence })
        return [undefined, counted(all, name)] as const
      })
    )
    tell({ tag: "wrote" })
  })

const take = (desk: Desk, key: string) => (key === Numbers.guarded ? takeGuarded : takeFreely)(desk, key)

const takeFreely = (desk: Desk, key: string) =>
  Effect.gen(function* () {
    if (!(yield* desk.register.tryAcquire(key))) return
    yield* have(desk, key)
    yield* desk.register.release(key)
  })

/** With a guard, which frees it. */
const takeGuarded = (desk: Desk, key: string) =>
  Effect.andThen(desk.register.guard(key), have(desk, key)).pipe(
    Effect.scoped,
    Effect.catchTag("KeyTaken", () => Effect.void)
  )

const have = ({ points, register }: Desk, key: string) =>
  Effect.gen(function* () {
    tell({ tag: "won", key })
    points.reach("with a key")
    yield* Effect.sleep(Numbers.millis.key)
    if (!(yield* register.isActive(key))) tell({ tag: "robbed", key })
    tell({ tag: "freeing", key })
  })

/** A key that stays in the register, whatever becomes of its owner. */
const keep = ({ name, register }: Desk, round: number) =>
  Effect.gen(function* () {
    const key = `kept of ${name}/${round}`
    yield* register.activate(key)
    yield* register.deactivate(key)
    tell({ tag: "kept", key })
  })
