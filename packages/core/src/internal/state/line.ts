/**
 * Lines in which processes wait, who have nothing in common but locks. Each place of a line is a lock; who has the one of
 * place 0 is first.
 *
 *   Outside ──nobody is first──▶ Place 0
 *   Outside ──the last place is free──▶ Place n ──the one before it is free──▶ Place n - 1 ──…──▶ Place 0
 *   Place n ──leaves──▶ Outside
 *
 * Who moves up lets go of his old place when he has the new one, so nobody passes him. Chance has a say only in who gets
 * the last place, when there are more than fit.
 */
import { Effect } from "effect"
import type { StateBackend } from "../../StateBackend.ts"
import type { StoreUnavailable } from "./errors.ts"
import { Held } from "./held.ts"

/** Each is one more lock to try for those who come to a line that is not empty. */
const places = 4

const lockOf = (name: string, place: number): string => `${name}:${place}`

export class Line {
  private readonly held: Held
  private readonly taken = new Map<string, number>()

  constructor(backend: StateBackend) {
    this.held = new Held(backend)
  }

  /** The place of this process, from 0, if it is in the line. */
  placeIn(name: string): number | undefined {
    return this.taken.get(name)
  }

  /** Comes, or moves up, as far as that goes now, and says whether it is first. Not to be interrupted. */
  moveUp(name: string): Effect.Effect<boolean, StoreUnavailable> {
    return Effect.suspend(() => {
      const place = this.taken.get(name)
      if (place !== undefined) return this.moveUpFrom(name, place)
      return Effect.flatMap(this.take(name, 0), (isFirst) =>
        isFirst ? Effect.succeed(true) : this.moveUpFrom(name, places)
      )
    })
  }

  leave(name: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const place = this.taken.get(name)
      this.taken.delete(name)
      return place === undefined ? Effect.void : this.held.letGoOf(lockOf(name, place))
    })
  }

  private moveUpFrom(name: string, place: number): Effect.Effect<boolean, StoreUnavailable> {
    if (place === 0) return Effect.succeed(true)
    return Effect.flatMap(this.take(name, place - 1), (isTaken) =>
      isTaken
        ? Effect.andThen(this.held.letGoOf(lockOf(name, place)), this.moveUpFrom(name, place - 1))
        : Effect.succeed(false)
    )
  }

  private take(name: string, place: number): Effect.Effect<boolean, StoreUnavailable> {
    return Effect.tap(this.held.attempt(lockOf(name, place)), (isTaken) =>
      Effect.sync(() => isTaken && this.taken.set(name, place))
    )
  }
}
