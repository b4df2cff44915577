/** Processes that share a register on one machine, each with an owner; any of them can be killed. */
import { type Lock, Register, StateBackend, type StateStore } from "@holdfast/core"
import { type Context, Effect, Exit, Scope } from "effect"
import { Machine } from "../utils/machine.ts"

const name = "jobs"

/** A process: what belongs to it ends with its scope. */
export interface Office {
  readonly register: Register.Register
  readonly context: Context.Context<StateStore.StateStore | Lock.Lock>
  /** It ends as it should. */
  readonly close: Effect.Effect<void>
  /** What the operating system does when it is killed; the fibers of a test go on, as those of a zombie. */
  readonly kill: Effect.Effect<void>
}

export class Offices {
  readonly machine = new Machine()
  private processes = 0

  /** Another process, with an owner of the register. */
  open(
    options?: Register.Options
  ): Effect.Effect<Office, Register.WriteError | Register.TooManyOwners, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const context = yield* StateBackend.make(this.machine.process(`pid ${++this.processes}`))
      const scope = yield* Scope.fork(yield* Effect.scope)
      const register = yield* Register.make(name, options).pipe(Effect.provide(context), Scope.provide(scope))
      const kill = Effect.sync(() => this.machine.locks.delete(`lock:${name}/owner/${register.owner.slot}`))
      return { register, context, close: Scope.close(scope, Exit.void), kill: Effect.asVoid(kill) }
    })
  }

  /** From here on nothing takes any time. */
  get hurry(): Effect.Effect<void> {
    return Effect.sync(() => {
      this.machine.commitMillis = 0
      this.machine.lockMillis = 0
    })
  }

  /** The locks that are held, of slots. */
  get slots(): ReadonlyArray<string> {
    return Array.from(this.machine.locks).filter((lock) => lock.startsWith(`lock:${name}/owner/`))
  }
}

/** The tag of its error. */
export const tagOf = <A, E extends { readonly _tag: string }, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(Effect.asVoid(effect)), ({ _tag }) => _tag)
