import { Context, Tracer } from "effect"
import { Current } from "./limit.ts"
import { CurrentAttempt } from "./retry.ts"

/** The services of a build without what concerns only the build: its deadline, its span, the attempt that it is part of. */
export const lasting = <R>(built: Context.Context<R>): Context.Context<R> => {
  const withoutSpan = Context.omit(Tracer.ParentSpan)(built)
  // house: nothing that a layer makes requires the span that it is made in, so nothing of `R` is gone
  return Context.add(Context.add(withoutSpan, Current, undefined), CurrentAttempt, 1) as Context.Context<R>
}

/**
 * How a service's operations see the services that its layer was built with: under those of the caller. Over them, they
 * would replace the caller's deadline and span.
 */
export const underCaller = <R>(
  built: Context.Context<R>
): (<R2>(current: Context.Context<R2>) => Context.Context<R | R2>) => {
  const kept = lasting(built)
  return (current) => Context.merge(kept, current)
}
