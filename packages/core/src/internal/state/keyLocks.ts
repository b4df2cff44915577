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
 * Whoever tries once does not care who is next.
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
      return patience.within(this.isLocked(`lock:${key}`), () =>
        patience.timeout("InheritedDeadline", undefined)
      )
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
    const again = (seenFree: number): Effect.Effect<void, StoreUnavailable> =>
      Effect.flatMap(this.attempt(held, `next:${key}`), (isNext) =>
        isNext
          ? this.untilHeld(held, lock)
          : Effect.flatMap(this.isLocked(lock), (isLocked) => {
              const free = isLocked ? 0 : seenFree + 1
              const come = Effect.andThen(pauseOfMany, again(free))
              // Who is next stands still, and must not keep the others from a lock that is free.
              return free < maxSeenFree
                ? come
                : Effect.flatMap(this.attempt(held, lock), (isHeld) => (isHeld ? Effect.void : come))
            })
      )
    return again(0)
  }

  /** Tries once to get the lock, and once more while only those who look are in the way. */
  private takeOnce(held: Held, key: string): Effect.Effect<boolean, StoreUnavailable> {
    const lock = `lock:${key}`
    const again = (tries: number): Effect.Effect<boolean, StoreUnavailable> =>
      Effect.flatMap(this.attempt(held, lock), (isHeld) =>
        isHeld || tries === maxOnceTries
          ? Effect.succeed(isHeld)
          : Effect.flatMap(this.isLocked(lock), (isLocked) =>
              isLocked ? Effect.succeed(false) : Effect.andThen(Effect.yieldNow, again(tries + 1))
            )
      )
    return again(1)
  }

  /** Who is first in this process may be waiting himself, for another. */
  private holderOf(key: string): string | undefined {
    const first = this.turns.current(key)
    return first !== undefined && this.holders.has(first) ? first.holder : undefined
  }

  private attempt(held: Held, name: string): Effect.Effect<boolean, StoreUnavailable> {
    return Effect.suspend(() => (this.isClosed ? closed(this.backend.label, "lock") : held.attempt(name)))
  }

  private isLocked(name: string): Effect.Effect<boolean, StoreUnavailable> {
    return Effect.suspend(() =>
      this.isClosed ? closed(this.backend.label, "lock") : this.backend.isLocked(name)
    )
  }

  private untilHeld(held: Held, name: string): Effect.Effect<void, StoreUnavailable> {
    const again = (tries: number): Effect.Effect<void, StoreUnavailable> =>
      Effect.flatMap(this.attempt(held, name), (isHeld) =>
        isHeld ? Effect.void : Effect.andThen(pauseAfter(tries), again(tries + 1))
      )
    return again(0)
  }
}

/** Whoever is next, and does not stand still, has a lock that is free before others have seen it so often in a row. */
const maxSeenFree = 6

/** Who looks is in the way for less than a turn of the event loop, unless he stands still. */
const maxOnceTries = 8

/** The pause of one who is the only one: short at first, then such that waiting costs next to nothing. */
const pauseAfter = (tries: number): Effect.Effect<void> => (tries < 32 ? briefly : pause(4, 16))

/** The pause of one among others: who tried less often the longer it waits would be overtaken by those who come later. */
const pauseOfMany = pause(2, 8)
