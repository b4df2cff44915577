/** What must be true of a register and a ledger, whoever was killed: the proof from what was told. Pure. */
import type { Told } from "./writer/Wire.ts"

/** What is known of one life of a writer. */
export interface Life {
  readonly name: string
  readonly told: ReadonlyArray<Told>
  /** When it was killed; `undefined` when it ended as it should. */
  readonly killedMillis: number | undefined
}

/** What is there when all have ended. */
export interface Final {
  readonly counts: Readonly<Record<string, number>>
  /** The keys of the register, and whether they are active. */
  readonly entries: ReadonlyMap<string, boolean>
}

/** A time in which a writer had something, at least. */
export interface Hold {
  readonly life: string
  readonly what: string
  readonly fromMillis: number
  readonly toMillis: number
  /** It ended because its life did. */
  readonly wasKilled: boolean
}

type Tag = Told["tag"]

const every = <T extends Tag>({ told }: Life, tag: T): ReadonlyArray<Extract<Told, { readonly tag: T }>> =>
  told.filter((one): one is Extract<Told, { readonly tag: T }> => one.tag === tag)

// ----------------------------------------------------------------------------
// Writes
// ----------------------------------------------------------------------------

/** How many writes were acknowledged, and how many of them are not there; how many are there that nobody made. */
export interface Writes {
  readonly acknowledged: number
  readonly lost: number
  readonly invented: number
}

/** A writer that was killed may have made one write more than it was told of. */
export const writesOf = (lives: ReadonlyArray<Life>, { counts, entries }: Final): Writes => {
  let acknowledged = 0
  let lost = 0
  let invented = 0
  for (const life of lives) {
    const told = every(life, "wrote").length
    const there = counts[life.name] ?? 0
    const kept = every(life, "kept")
    acknowledged += told + kept.length
    lost += Math.max(0, told - there) + kept.filter(({ key }) => entries.get(key) !== false).length
    invented += Math.max(0, there - told - (life.killedMillis === undefined ? 0 : 1))
  }
  const names = new Set(lives.map(({ name }) => name))
  invented += Object.keys(counts).filter((name) => !names.has(name)).length
  return { acknowledged, lost, invented }
}

// ----------------------------------------------------------------------------
// Holds
// ----------------------------------------------------------------------------

/** Each begins when it was told, and ends before it is let go of, or when its life ends. */
export const holdsOf = (life: Life): ReadonlyArray<Hold> => {
  const { killedMillis, name, told } = life
  const holds: Array<Hold> = []
  for (const [index, one] of told.entries()) {
    if (one.tag !== "won" && one.tag !== "leased") continue
    const what = one.tag === "won" ? one.key : "the ledger"
    const end = told
      .slice(index + 1)
      .find((later) =>
        one.tag === "won" ? later.tag === "freeing" && later.key === one.key : later.tag === "letting go"
      )
    holds.push({
      life: name,
      what,
      fromMillis: one.at,
      toMillis: end?.at ?? Math.max(one.at, killedMillis ?? one.at),
      wasKilled: end === undefined && killedMillis !== undefined
    })
  }
  return holds
}

const byThing = (holds: ReadonlyArray<Hold>): ReadonlyMap<string, ReadonlyArray<Hold>> => {
  const things = new Map<string, Array<Hold>>()
  for (const hold of holds.toSorted((one, other) => one.fromMillis - other.fromMillis)) {
    const known = things.get(hold.what)
    if (known === undefined) things.set(hold.what, [hold])
    else known.push(hold)
  }
  return things
}

/** How often somebody had what another one still had. */
export const overlaps = (lives: ReadonlyArray<Life>): number => {
  let count = 0
  for (const holds of byThing(lives.flatMap(holdsOf)).values()) {
    let endMillis = Number.NEGATIVE_INFINITY
    for (const hold of holds) {
      if (hold.fromMillis < endMillis) count++
      endMillis = Math.max(endMillis, hold.toMillis)
    }
  }
  return count
}

/** How often a key was not active that a writer had. */
export const robbed = (lives: ReadonlyArray<Life>): number =>
  lives.reduce((sum, life) => sum + every(life, "robbed").length, 0)

/** How many of these keys no life had a second time: whoever lets go of one can have it again. */
export const neverAgain = (lives: ReadonlyArray<Life>, keys: ReadonlyArray<string>): number =>
  keys.filter((key) => lives.every((life) => every(life, "won").filter((won) => won.key === key).length < 2))
    .length

/** Of the keys that writers were killed with, how many somebody had after them, and how many nobody had. */
export const inherited = (lives: ReadonlyArray<Life>): { readonly all: number; readonly taken: number } => {
  const things = byThing(lives.flatMap(holdsOf))
  let all = 0
  let taken = 0
  for (const holds of things.values()) {
    for (const [index, hold] of holds.entries()) {
      if (!hold.wasKilled || hold.what === "the ledger") continue
      all++
      if (holds.slice(index + 1).some(({ life }) => life !== hold.life)) taken++
    }
  }
  return { all, taken }
}

// ----------------------------------------------------------------------------
// Fences
// ----------------------------------------------------------------------------

const notAbove = (fences: ReadonlyArray<{ readonly fence: number; readonly at: number }>): number =>
  fences
    .toSorted((one, other) => one.at - other.at)
    .filter(({ fence }, index, all) => index > 0 && fence <= (all[index - 1]?.fence ?? 0)).length

/** How many fences there were, and how many of them did not come after the one before, of their slot or of the ledger. */
export const fencesOf = (lives: ReadonlyArray<Life>): { readonly all: number; readonly notAbove: number } => {
  const owners = lives.flatMap((life) => every(life, "ready"))
  const leases = lives.flatMap((life) => every(life, "leased"))
  const slots = new Set(owners.map(({ slot }) => slot))
  return {
    all: owners.length + leases.length,
    notAbove: Array.from(slots).reduce(
      (sum, slot) => sum + notAbove(owners.filter((owner) => owner.slot === slot)),
      notAbove(leases)
    )
  }
}

// ----------------------------------------------------------------------------
// The contest
// ----------------------------------------------------------------------------

/** Each key that somebody was told he has, with him. */
export const wonBy = (
  lives: ReadonlyArray<Life>
): ReadonlyArray<{ readonly key: string; readonly life: Life }> =>
  lives.flatMap((life) =>
    every(life, "tried").flatMap(({ isWinner, key }) => (isWinner ? [{ key, life }] : []))
  )

/** How many keys were won, by how many who were told so, and of whom it is not so in the end. */
export const contestOf = (
  lives: ReadonlyArray<Life>,
  isOwn: (key: string) => boolean,
  isThere: (key: string, life: Life) => boolean
): { readonly own: number; readonly winners: number; readonly notSo: number } => {
  const won = wonBy(lives)
  const there = won.filter(({ key, life }) => isThere(key, life))
  return {
    own: there.filter(({ key }) => isOwn(key)).length,
    winners: won.filter(({ key }) => !isOwn(key)).length,
    notSo: won.length - there.length
  }
}
