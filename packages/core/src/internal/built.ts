import { Context } from "effect"
import { Current } from "./limit.ts"
import { CurrentAttempt } from "./retry.ts"

/**
 * How a service's operations see the services that its layer was built with: under those of the caller.
 *
 * Over them, they would replace the caller's deadline and spans with those of the build; and where the caller has no
 * deadline, that of the build has no business either.
 */
export const underCaller = <R>(
  built: Context.Context<R>
): (<R2>(current: Context.Context<R2>) => Context.Context<R | R2>) => {
  const lasting = Context.add(Context.add(built, Current, undefined), CurrentAttempt, 1)
  return (current) => Context.merge(lasting, current)
}
