/**
 * The exclusive lock of a key, among the fibers of this process and with other processes.
 *
 *   Waiting ──everybody before it in this process has left──▶ First ──has "next"──▶ Next ──has "lock"──▶ Held
 *   Waiting, First, Next ──gives up, or is interrupted──▶ Gone
 *   Held ──lets go──▶ Gone
 *
 * Between processes nobody wakes anybody, so the first of each process tries again and again. Whoever lets go of a lock
 * and wants it once more would always be faster than those who sleep between two tries. Therefore there is a second
 * lock, "next", which is held only while waiting for the first: who has it is the next one, whatever the others do, as
 * long as it does not stand still.
 *
 * Whoever tries once, or only looks, has a third one meanwhile, "once": several at the same moment would take each other
 * for somebody who has the key.
 */
import { Effect, type Scope } from "effect"
import type { StateBackend } from "../../StateBackend.ts"
import type { LockTimeout } from "../lock/errors.ts"
import { type Turn, Turns } from "../lock/turns.ts"
import { closed, type StoreUnavailable } from "./errors.ts"
import { Held } from "./held.ts"
import type { Patience } from "./patience.ts"
import { briefly, pause } from "./pause.ts"

export class KeyLocks {
  private readonly backend: StateBackend
  private readonly turns = new Turns()
  /** Of those whose turn it is, who has the lock already. */
  private readonly holders = new WeakSet<Turn>()
  private isClosed = false

  constructor(backend: StateBackend) {
    this.backend = backend
  }

  /** Ends whoever waits. */
  close(): void {
    this.isClosed = true
    this.turns.end()
  }

  /** Takes the lock of the key until the scope closes. */
  hold(
    key: string,
    patience: Patience,
    label: string | undefined
  ): Effect.Effect<void, LockTimeout | StoreUnavailable, Scope.Scope> {
    const { turns } = this
    return Effect.uninterruptibleMask((restore) =>
      Effect.suspend(() => {
        const turn = turns.join(key, label)
        const held = new Held(this.backend)
        const leave = Effect.ensuring(
          held.letGo,
          Effect.sync(() => turns.leave(key, turn))
        )
        return restore(this.wait(key, turn, held, patience)).pipe(
          Effect.onError(() => leave),
          Effect.andThen(Effect.addFinalizer(() => leave))
        )
      })
    )
  }

  /** Whether anybody has the key, in this process or another one. */
  isHeld(key: string, patience: Patience): Effect.Effect<boolean, LockTimeout | StoreUnavailable> {
    return Effect.suspend(() => {
      const first = this.turns.current(key)
      if (first !== undefined && this.holders.has(first)) return Effect.succeed(true)
      const mine = new Held(this.backend)
      const look = Effect.map(this.attempt(mine, `lock:${key}`), (isFree) => !isFree)
      return patience
        .within(Effect.andThen(this.alone(mine, key), look), () =>
          patience.timeout("InheritedDeadline", undefined)
        )
        .pipe(Effect.ensuring(mine.letGo))
    })
  }

  private wait(
    key: string,
    turn: Turn,
    held: Held,
    patience: Patience
  ): Effect.Effect<void, LockTimeout | StoreUnavailable> {
    const timeout = (limit: LockTimeout["limit"]) => patience.timeout(limit, this.holderOf(key))
    const grant = Effect.andThen(
      Effect.sync(() => this.holders.add(turn)),
      held.letGoOf(`next:${key}`)
    )
    const isFirst = this.turns.current(key) === turn
    if (patience.isOnce && !isFirst) return Effect.fail(timeout("Wait"))
    const taken = patience.isOnce
      ? Effect.flatMap(this.takeOnce(held, key), (isTaken) =>
          isTaken ? grant : Effect.fail(timeout("Wait"))
        )
      : Effect.andThen(this.take(held, key), grant)
    return patience.within(
      isFirst ? taken : Effect.andThen(this.turns.until(key, turn), taken),
      ({ inherited }) => timeout(inherited ? "InheritedDeadline" : "Wait")
    )
  }

  /** Waits to be next, and then for the lock. */
  private take(held: Held, key: string): Effect.Effect<void, StoreUnavailable> {
    const lock = `lock:${key}`
    const again = (tries: number): Effect.Effect<void, StoreUnavailable> =>
      Effect.flatMap(this.attempt(held, `next:${key}`), (isNext) => {
        if (isNext) return this.untilHeld(held, lock)
        const come = Effect.andThen(pauseOfMany, again(tries + 1))
        // Who is next may stand still, and must not keep the others from a lock that is free.
        return tries < patientTries || tries % 8 !== 0
          ? come
          : Effect.flatMap(this.attempt(held, lock), (isHeld) => (isHeld ? Effect.void : come))
      })
    return again(0)
  }

  /** Tries once to get the lock. */
  private takeOnce(held: Held, key: string): Effect.Effect<boolean, StoreUnavailable> {
    const tried = Effect.flatMap(this.attempt(held, `next:${key}`), (isNext) =>
      isNext ? this.attempt(held, `lock:${key}`) : Effect.succeed(false)
    )
    return Effect.tap(Effect.andThen(this.alone(held, key), tried), held.letGoOf(`once:${key}`))
  }

  /** Waits until nobody else tries once, or looks: that takes no time, unless who does stands still. */
  private alone(held: Held, key: string): Effect.Effect<void, StoreUnavailable> {
    const again = (tries: number): Effect.Effect<void, StoreUnavailable> =>
      Effect.flatMap(this.attempt(held, `once:${key}`), (isAlone) =>
        isAlone || tries >= patientTries ? Effect.void : Effect.andThen(pauseOfMany, again(tries + 1))
      )
    return again(0)
  }

  /** Who is first in this process may be waiting himself, for another. */
  private holderOf(key: string): string | undefined {
    const first = this.turns.current(key)
    return first !== undefined && this.holders.has(first) ? first.holder : undefined
  }

  private attempt(held: Held, name: string): Effect.Effect<boolean, StoreUnavailable> {
    return Effect.suspend(() => (this.isClosed ? closed(this.backend.label, "lock") : held.attempt(name)))
  }

  private untilHeld(held: Held, name: string): Effect.Effect<void, StoreUnavailable> {
    const again = (tries: number): Effect.Effect<void, StoreUnavailable> =>
      Effect.flatMap(this.attempt(held, name), (isHeld) =>
        isHeld ? Effect.void : Effect.andThen(pauseAfter(tries), again(tries + 1))
      )
    return again(0)
  }
}

/** So many tries take about a tenth of a second. */
const patientTries = 24

/** The pause of one who is the only one: short at first, then such that waiting costs next to nothing. */
const pauseAfter = (tries: number): Effect.Effect<void> => (tries < 32 ? briefly : pause(4, 16))

/** The pause of one among others: who tried less often the longer it waits would be overtaken by those who come later. */
const pauseOfMany = pause(2, 8)
