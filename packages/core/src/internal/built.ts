import { Context, Tracer } from "effect"
import { Current } from "./limit.ts"
import { CurrentAttempt } from "./retry.ts"

/**
 * How a service's operations see the services that its layer was built with: under those of the caller.
 *
 * Over them, they would replace the caller's deadline and span with those of the build; and where the caller has none,
 * those of the build have no business either.
 */
export const underCaller = <R>(
  built: Context.Context<R>
): (<R2>(current: Context.Context<R2>) => Context.Context<R | R2>) => {
  const withoutSpan = Context.omit(Tracer.ParentSpan)(built)
  // house: nothing that a layer makes requires the span that it is made in, so nothing of `R` is gone
  const lasting = Context.add(
    Context.add(withoutSpan, Current, undefined),
    CurrentAttempt,
    1
  ) as Context.Context<R>
  return (current) => Context.merge(lasting, current)
}
