/** What each operation of a register decides. Pure: a step looks at the state and says what is so, and what shall be. */
import { KeyTaken } from "./errors.ts"
import { type Held, isSame, type Owner, put, remove, type State } from "./state.ts"

/** The state as an owner sees it: without what is known to be over, and with whom he knows to live. */
export interface View {
  readonly register: string
  readonly state: State
  readonly me: Owner
  readonly lives: (owner: Owner) => boolean
}

/** What a step comes to. `Unsure`: it depends on whether these owners live. */
export type Outcome<A> =
  | { readonly _tag: "Keep"; readonly value: A }
  | { readonly _tag: "Write"; readonly value: A; readonly state: State }
  | { readonly _tag: "Unsure"; readonly owners: ReadonlyArray<Owner> }

export type Step<A> = (view: View) => Outcome<A>

const keep = <A>(value: A): Outcome<A> => ({ _tag: "Keep", value })
const write = <A>(value: A, state: State): Outcome<A> => ({ _tag: "Write", value, state })

/** A step about one key: it is free, the owner's own, or somebody else's, who lives. */
const about =
  <A>(
    key: string,
    cases: {
      readonly free: (view: View) => Outcome<A>
      readonly own: (view: View, held: Held) => Outcome<A>
      readonly other: (view: View, held: Held) => Outcome<A>
    }
  ): Step<A> =>
  (view) => {
    const held = view.state.entries.get(key)
    if (held === undefined || held === null) return cases.free(view)
    if (isSame(held, view.me)) return cases.own(view, held)
    return view.lives(held) ? cases.other(view, held) : { _tag: "Unsure", owners: [held] }
  }

const taken =
  (key: string) =>
  ({ me, register }: View, held: Held): Outcome<KeyTaken> =>
    keep(
      new KeyTaken({
        register,
        key,
        owner: { slot: held.slot, fence: held.fence },
        isOwn: isSame(held, me)
      })
    )

export const isActive = (key: string): Step<boolean> =>
  about(key, { free: () => keep(false), own: () => keep(true), other: () => keep(true) })

export const tryAcquire = (key: string, held: Held): Step<boolean> =>
  about(key, {
    free: ({ state }) => write(true, put(state, key, held)),
    own: () => keep(false),
    other: () => keep(false)
  })

export const activate = (key: string, held: Held): Step<KeyTaken | undefined> =>
  about<KeyTaken | undefined>(key, {
    free: ({ state }) => write(undefined, put(state, key, held)),
    own: (view, present) => (present.guarded ? taken(key)(view, present) : keep(undefined)),
    other: taken(key)
  })

export const guard = (key: string, held: Held): Step<KeyTaken | undefined> =>
  about<KeyTaken | undefined>(key, {
    free: ({ state }) => write(undefined, put(state, key, held)),
    own: taken(key),
    other: taken(key)
  })

/** What is not active is left as it is: kept, or not there. */
export const deactivate = (key: string): Step<KeyTaken | undefined> =>
  about<KeyTaken | undefined>(key, {
    free: () => keep(undefined),
    own: (view, held) =>
      held.guarded ? taken(key)(view, held) : write(undefined, put(view.state, key, null)),
    other: taken(key)
  })

export const release = (key: string): Step<KeyTaken | undefined> =>
  about<KeyTaken | undefined>(key, {
    free: ({ state }) => (state.entries.has(key) ? write(undefined, remove(state, key)) : keep(undefined)),
    own: (view, held) => (held.guarded ? taken(key)(view, held) : write(undefined, remove(view.state, key))),
    other: taken(key)
  })

/** Those of whom it is not known whether they live, among who has something. */
const unsureOf = ({ lives, me, state }: View): ReadonlyArray<Owner> => {
  const owners = new Map<number, Owner>()
  for (const held of state.entries.values()) {
    if (held !== null && !isSame(held, me) && !lives(held)) owners.set(held.slot, held)
  }
  return Array.from(owners.values())
}

/** Removes all but what others have, and what the owner's guards have. */
export const clear: Step<undefined> = (view) => {
  const owners = unsureOf(view)
  if (owners.length > 0) return { _tag: "Unsure", owners }
  const { me, state } = view
  const kept = Array.from(state.entries).filter(
    ([, held]) => held !== null && (held.guarded || !isSame(held, me))
  )
  return kept.length === state.entries.size
    ? keep(undefined)
    : write(undefined, { ...state, entries: new Map(kept) })
}

export const entries: Step<State["entries"]> = (view) => {
  const owners = unsureOf(view)
  return owners.length > 0 ? { _tag: "Unsure", owners } : keep(view.state.entries)
}
