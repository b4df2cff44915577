/**
 * One owner of a register: how his steps are carried out.
 *
 * A step is first decided on what can be read. Only when something shall be written, it is decided once more, in the
 * commit. Whatever depends on whether somebody else lives is decided again once that is known:
 *
 *   Reading ──nothing to write──▶ Done
 *   Reading ──something to write──▶ Writing ──▶ Done
 *   Reading, Writing ──depends on an owner──▶ Looking ──his slot's lock is held, or free──▶ Reading
 *   Reading, Writing ──somebody has followed this owner──▶ Lost
 */
import { Cause, Deferred, Effect, Fiber, Metric, type Scope } from "effect"
import * as Backoff from "../../Backoff.ts"
import type * as LockedState from "../../LockedState.ts"
import { log } from "../leaveBehind.ts"
import { Current, limit } from "../limit.ts"
import { Fenced, type LockTimeout } from "../lock/errors.ts"
import type { StoreUnavailable } from "../state/errors.ts"
import { leaveNanos, lives, type Place, slotKey } from "./enrolled.ts"
import { bury, disown, type Held, isSame, letGo, type Owner, type State } from "./state.ts"
import type { Outcome, Step } from "./steps.ts"

export type ReadError = LockedState.ReadError | LockTimeout | Fenced

type Decided<A> = Outcome<A> | { readonly _tag: "Lost"; readonly by: Fenced }
type Settled<A> = Exclude<Outcome<A>, { readonly _tag: "Unsure" }>

const deadTotal = Metric.counter("holdfast_register_dead", {
  description: "Owners of a register who were found dead",
  incremental: true
})

/** Whoever may not free a key now tries again, until he has, or ends. */
const patience = Backoff.toSchedule(Backoff.exponential({ base: "100 millis", cap: "5 seconds" }))

/** What one call has found out about other owners. That somebody is dead stays so; that he lives was so meanwhile. */
class Known {
  readonly living = new Set<string>()
  readonly dead: Array<Owner> = []

  /** Each call asks about each owner once, so it comes to an end. */
  learn(owner: Owner, isAlive: boolean): void {
    if (this.living.has(nameOf(owner)) || this.dead.some((one) => isSame(one, owner))) {
      throw new Error(`it is known whether owner ${nameOf(owner)} lives, and asked again`)
    }
    if (isAlive) this.living.add(nameOf(owner))
    else this.dead.push({ slot: owner.slot, fence: owner.fence })
  }
}

const nameOf = ({ fence, slot }: Owner): string => `${slot}/${fence}`

export class Registry {
  readonly me: Owner
  private readonly place: Place
  private readonly scope: Scope.Scope
  /** What this owner took and lets go of, as long as that is not written. */
  private readonly over = new Set<number>()
  private readonly fenced = Deferred.makeUnsafe<Fenced>()
  private lostBy: Fenced | undefined
  private holds = 0

  constructor(place: Place, me: Owner, scope: Scope.Scope) {
    this.place = place
    this.me = me
    this.scope = scope
  }

  /** Ends when this is no owner any more. */
  get lost(): Effect.Effect<Fenced> {
    return Deferred.await(this.fenced)
  }

  lose(by: Fenced): Effect.Effect<Fenced> {
    return Effect.suspend(() => {
      this.lostBy ??= by
      return Effect.as(Deferred.succeed(this.fenced, this.lostBy), this.lostBy)
    })
  }

  /** Carries out a step that never writes. */
  read<A>(step: Step<A>): Effect.Effect<A, ReadError> {
    return Effect.suspend(() => Effect.map(this.decided(step, new Known()), ({ value }) => value))
  }

  run<A>(step: Step<A>): Effect.Effect<A, LockedState.WriteError> {
    return Effect.suspend(() => this.attempt(step, new Known()))
  }

  /**
   * Carries out a step that takes a key. When it is not known whether it did, or nobody hears of it any more, it is let
   * go of. To be called where nothing interrupts; `restore` says where something may.
   */
  take<A>(
    restore: <B, E>(self: Effect.Effect<B, E>) => Effect.Effect<B, E>,
    guarded: boolean,
    stepOf: (held: Held) => Step<A>
  ): Effect.Effect<{ readonly value: A; readonly hold: number }, LockedState.WriteError> {
    return Effect.suspend(() => {
      const hold = ++this.holds
      return Effect.map(
        Effect.onError(restore(this.run(stepOf({ ...this.me, hold, guarded }))), (cause) => {
          if (isDecided(cause)) return Effect.void
          // Whoever has run out of time is not kept waiting.
          return Cause.hasInterrupts(cause) ? this.letGo(hold) : this.forget(hold)
        }),
        (value) => ({ value, hold })
      )
    })
  }

  /** Frees what was taken, and waits for it a little. */
  letGo(hold: number): Effect.Effect<void> {
    return Effect.flatMap(this.forget(hold), (fiber) =>
      limit(Fiber.await(fiber), {
        label: `end of a hold of ${this.place.key}`,
        budgetNanos: leaveNanos,
        inherit: false,
        expired: () => "late" as const
      })
    ).pipe(Effect.ignore)
  }

  /** Frees what was taken, if it was. From here on this owner does not see it; the others when that is written. */
  private forget(hold: number): Effect.Effect<Fiber.Fiber<unknown, unknown>> {
    return Effect.suspend(() => {
      this.over.add(hold)
      const { key, state } = this.place
      const write = Effect.tapError(
        state.update((all) => letGo(all, this.me, this.over)),
        (error) => log(Effect.logWarning(`register "${key}": a key cannot be freed yet`, error))
      )
      const freed = Effect.retry(write, patience).pipe(
        Effect.andThen(Effect.sync(() => this.over.delete(hold))),
        Effect.provideService(Current, undefined)
      )
      return Effect.forkIn(freed, this.scope)
    })
  }

  private attempt<A>(step: Step<A>, known: Known): Effect.Effect<A, LockedState.WriteError> {
    const write = this.place.state.modify((state): readonly [Decided<A>, State] => {
      const decided = this.decide(state, step, known)
      return [decided, decided._tag === "Write" ? decided.state : state]
    })
    return Effect.flatMap(this.decided(step, known), (seen) =>
      seen._tag === "Keep"
        ? Effect.succeed(seen.value)
        : Effect.flatMap(write, (decided) => {
            switch (decided._tag) {
              case "Lost":
                return Effect.flatMap(this.lose(decided.by), Effect.fail)
              case "Unsure":
                return Effect.andThen(this.look(decided.owners, known), this.attempt(step, known))
              default:
                return Effect.succeed(decided.value)
            }
          })
    )
  }

  /** What a step decides on what can be read. */
  private decided<A>(step: Step<A>, known: Known): Effect.Effect<Settled<A>, ReadError> {
    return Effect.flatMap(this.place.state.get, (state) => {
      const decided = this.decide(state, step, known)
      switch (decided._tag) {
        case "Lost":
          return Effect.flatMap(this.lose(decided.by), Effect.fail)
        case "Unsure":
          return Effect.andThen(this.look(decided.owners, known), this.decided(step, known))
        default:
          return Effect.succeed(decided)
      }
    })
  }

  private decide<A>(state: State, step: Step<A>, known: Known): Decided<A> {
    const { me } = this
    const current = state.owners.get(me.slot)
    if (this.lostBy !== undefined) return { _tag: "Lost", by: this.lostBy }
    if (current !== me.fence)
      return { _tag: "Lost", by: followedBy(slotKey(this.place.key, me.slot), me, current) }
    return step({
      register: this.place.key,
      me,
      state: letGo(bury(disown(state), known.dead), me, this.over),
      lives: (owner) => known.living.has(nameOf(owner))
    })
  }

  private look(
    owners: ReadonlyArray<Owner>,
    known: Known
  ): Effect.Effect<void, LockTimeout | StoreUnavailable> {
    return Effect.forEach(
      owners,
      (owner) =>
        Effect.flatMap(lives(this.place, owner), (isAlive) => {
          known.learn(owner, isAlive)
          return isAlive ? Effect.void : Metric.update(deadTotal, 1)
        }),
      { discard: true }
    )
  }
}

const followedBy = (key: string, { fence }: Owner, current: number | undefined): Fenced =>
  new Fenced({ key, fence, ...(current === undefined ? {} : { current }) })

/** Whether the cause says that nothing was written. */
const isDecided = (cause: Cause.Cause<LockedState.WriteError>): boolean =>
  cause.reasons.every((reason) => Cause.isFailReason(reason) && reason.error._tag !== "OutcomeUnknown")
