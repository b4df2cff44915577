/** Where a process kills itself. */

import { nowMillis } from "../utils/children.ts"
import { block, die, tell } from "../utils/lifeline.ts"
import type { Told } from "./messages.ts"

/** In every store. */
const common = [
  "in a decision",
  "before the acknowledgement",
  "with a lease",
  "in the effect of a modifyEffect"
] as const

const locks = [
  "with the lock of the next",
  "with the lock of the key",
  "with the lock of the document"
] as const

const sqlite = ["after a row is written", "before a commit", "after a commit"] as const

const file = [
  "with the lock of the turn",
  "before a write",
  "in the middle of a write",
  "after a write",
  "before a sync",
  "after a sync",
  "before a rename",
  "after a rename",
  "before the sync of a directory",
  "after the sync of a directory"
] as const

export type Point = (typeof common | typeof locks | typeof sqlite | typeof file)[number]

export const pointsOfFiles: ReadonlyArray<Point> = [...common, ...locks, ...file]

export const pointsOfSqlite: ReadonlyArray<Point> = [...common, ...locks, ...sqlite]

/** When to die: the so-manieth time that the point is reached, after a pause in which others run into what is held. */
export interface Death {
  readonly point: Point
  readonly nth: number
  readonly pauseMillis: number
}

export class Points {
  private death: Death | undefined
  private left = 0

  arm(death: Death | undefined): void {
    this.death = death
    this.left = death?.nth ?? 0
  }

  /** Whether this is the time and the place. */
  isNext(point: Point): boolean {
    return this.death?.point === point && --this.left === 0
  }

  readonly reach = (point: Point): void => {
    if (this.isNext(point)) this.end()
  }

  end(): never {
    block(this.death?.pauseMillis ?? 0)
    const told: Told = { tag: "dying", at: nowMillis() }
    tell(told)
    return die()
  }
}
