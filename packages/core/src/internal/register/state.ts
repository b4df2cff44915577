/**
 * What a register keeps, and how it looks to one of its owners. Pure.
 *
 * Every entry that is active has an owner who is enrolled: who is buried takes his entries along. So an entry whose owner
 * is not known to be dead is looked at in one place only, the slot of that owner.
 */
import { Schema } from "effect"

/** Who: the place of which he holds the lock for life, and the fence of that lease, which nobody else ever has. */
export interface Owner {
  readonly slot: number
  readonly fence: number
}

const Held = Schema.Struct({
  slot: Schema.Int,
  fence: Schema.Int,
  /** Which of all that its owner took. */
  hold: Schema.Int,
  /** Whether a guard has it, and nobody else may free it. */
  guarded: Schema.Boolean
})
export type Held = typeof Held.Type

export const State = Schema.Struct({
  /** The fence of whoever has, or had, a slot. */
  owners: Schema.ReadonlyMap(Schema.Int, Schema.Int),
  /** Null for a key that is kept and not active. */
  entries: Schema.ReadonlyMap(Schema.String, Schema.NullOr(Held))
})
export type State = typeof State.Type

export const empty: State = { owners: new Map(), entries: new Map() }

export const isSame = (one: Owner, other: Owner): boolean =>
  one.slot === other.slot && one.fence === other.fence

export const ownersOf = ({ owners }: State): ReadonlyArray<Owner> =>
  Array.from(owners, ([slot, fence]) => ({ slot, fence }))

const without = (
  entries: State["entries"],
  isGone: (held: Held) => boolean
): ReadonlyMap<string, Held | null> => {
  const kept = Array.from(entries).filter(([, held]) => held === null || !isGone(held))
  return kept.length === entries.size ? entries : new Map(kept)
}

/** Removes owners who are dead, and exactly what was theirs. */
export const bury = (state: State, dead: ReadonlyArray<Owner>): State => {
  const gone = dead.filter(({ fence, slot }) => state.owners.get(slot) === fence)
  if (gone.length === 0) return state
  const slots = new Set(gone.map(({ slot }) => slot))
  return {
    owners: new Map(Array.from(state.owners).filter(([slot]) => !slots.has(slot))),
    entries: without(state.entries, (held) => gone.some((owner) => isSame(owner, held)))
  }
}

/** Adds an owner, whose slot nobody else has any more; not one whom a later one has followed already. */
export const enroll = (state: State, me: Owner): State => {
  const last = state.owners.get(me.slot)
  if (last !== undefined && last > me.fence) return state
  const before = last === undefined ? state : bury(state, [{ slot: me.slot, fence: last }])
  return { ...before, owners: new Map(before.owners).set(me.slot, me.fence) }
}

/** Removes what nobody has, as its owner is not enrolled: no register writes that, and a hand or a repair may. */
export const disown = (state: State): State => {
  const entries = without(state.entries, ({ fence, slot }) => state.owners.get(slot) !== fence)
  return entries === state.entries ? state : { ...state, entries }
}

/** Removes what an owner had, and lets go of. */
export const letGo = (state: State, me: Owner, holds: ReadonlySet<number>): State => {
  if (holds.size === 0) return state
  const entries = without(state.entries, (held) => isSame(me, held) && holds.has(held.hold))
  return entries === state.entries ? state : { ...state, entries }
}

export const put = (state: State, key: string, held: Held | null): State => ({
  ...state,
  entries: new Map(state.entries).set(key, held)
})

export const remove = (state: State, key: string): State => {
  const entries = new Map(state.entries)
  entries.delete(key)
  return { ...state, entries }
}
