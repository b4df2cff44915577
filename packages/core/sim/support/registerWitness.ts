/** What is known of a register from outside: who was told that he has a key, and who is gone. */

/** One life of one owner. */
export class Life {
  readonly name: string
  isOwner = false
  /** Its lock is free: others may take what it has. */
  isGone = false
  /** Others have taken something that it had. */
  isBuried = false
  /** It runs no more. */
  isOver = false

  constructor(name: string) {
    this.name = name
  }
}

/** That somebody was told that he has a key, and has not begun to let go of it. */
export interface Hold {
  readonly life: Life
  readonly guarded: boolean
}

/** Something that is under way, and may be in the way of others. Without a key it is in the way of all. */
interface Act {
  readonly life: Life
  readonly key: string | undefined
  /** It lets go of what its life has, also of what that life is told meanwhile that it has. */
  readonly frees: boolean
}

/** What else was under way from the beginning to the end of an act. */
export interface Quiet {
  readonly act: Act
  /** Something that it meets. */
  isDisturbed: boolean
  /** Something of the same life that frees what it takes. */
  isFreed: boolean
}

const meet = (one: Act, other: Act): boolean =>
  one.key === undefined || other.key === undefined || one.key === other.key

const disturb = (quiet: Quiet, by: Act): void => {
  if (by.life.isOver || !meet(quiet.act, by)) return
  quiet.isDisturbed = true
  if (by.frees && by.life === quiet.act.life) quiet.isFreed = true
}

export class Witness {
  private readonly holds = new Map<string, Hold>()
  private readonly acts = new Set<Act>()
  private readonly watched = new Set<Quiet>()

  of(key: string): Hold | undefined {
    return this.holds.get(key)
  }

  /** What is wrong with being told so; nothing when it is right. */
  take(key: string, hold: Hold, { isFreed }: Quiet): string | undefined {
    const before = this.holds.get(key)
    if (isFreed && !hold.guarded) {
      // Whether it was freed since is not known, as long as the life lasts.
      this.acts.add({ life: hold.life, key, frees: false })
      return undefined
    }
    this.holds.set(key, hold)
    if (before === undefined) return undefined
    if (!before.life.isGone) return `${hold.life.name} has "${key}", which ${before.life.name} has, who lives`
    if (before.life !== hold.life) before.life.isBuried = true
    return undefined
  }

  letGo(key: string, hold: Hold | undefined): void {
    if (hold !== undefined && this.holds.get(key) === hold) this.holds.delete(key)
  }

  /** Of all that it was told it has, but for guards. */
  letGoOfAll(life: Life): void {
    for (const [key, hold] of this.holds) if (hold.life === life && !hold.guarded) this.holds.delete(key)
  }

  begin(act: Act): Quiet {
    for (const quiet of this.watched) disturb(quiet, act)
    const quiet: Quiet = { act, isDisturbed: false, isFreed: false }
    for (const other of this.acts) disturb(quiet, other)
    this.acts.add(act)
    this.watched.add(quiet)
    return quiet
  }

  /** `isKnown`: how things stand now. */
  end(quiet: Quiet, isKnown: boolean): void {
    if (isKnown) this.acts.delete(quiet.act)
    this.watched.delete(quiet)
  }
}
