/** Requests that are sent once. */
import { Context, Effect } from "effect"
import { FetchHttpClient } from "effect/http"

/**
 * `fetch` follows redirects by itself, and the error of the last hop then says that nothing was sent, although the first
 * one was. So the redirect is what is answered. Other clients follow none unless they are made to.
 */
export const withoutRedirects = <A, E, R>(self: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.updateContext(self, (context: Context.Context<R>) =>
    Context.add(context, FetchHttpClient.RequestInit, {
      ...Context.getOrUndefined(context, FetchHttpClient.RequestInit),
      redirect: "manual"
    })
  )
