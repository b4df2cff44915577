/** Locks of a backend that one caller has, by their names. What he gets when he has left already, he lets go of at once. */
import { Effect, Exit, Scope } from "effect"
import type { StateBackend } from "../../StateBackend.ts"
import type { StoreUnavailable } from "./errors.ts"

export class Held {
  private readonly backend: StateBackend
  private readonly scopes = new Map<string, Scope.Closeable>()
  private hasLeft = false

  constructor(backend: StateBackend) {
    this.backend = backend
  }

  attempt(name: string): Effect.Effect<boolean, StoreUnavailable> {
    const attempt = Effect.flatMap(Scope.make(), (scope) =>
      Effect.flatMap(Effect.exit(Scope.provide(this.backend.tryLock(name), scope)), (exit) => {
        if (Exit.isSuccess(exit) && exit.value && !this.hasLeft) {
          this.scopes.set(name, scope)
          return exit
        }
        return Effect.andThen(Scope.close(scope, Exit.void), exit)
      })
    )
    return Effect.uninterruptible(attempt)
  }

  letGoOf(name: string): Effect.Effect<void> {
    // An interruption between its two steps would leave a lock that nobody knows of.
    return Effect.uninterruptible(
      Effect.suspend(() => {
        const scope = this.scopes.get(name)
        this.scopes.delete(name)
        return scope === undefined ? Effect.void : Scope.close(scope, Exit.void)
      })
    )
  }

  get letGo(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.hasLeft = true
      // The last first: what it took first keeps others from being misled by the rest.
      const names = Array.from(this.scopes.keys()).reverse()
      return Effect.forEach(names, (name) => this.letGoOf(name), { discard: true })
    })
  }
}
