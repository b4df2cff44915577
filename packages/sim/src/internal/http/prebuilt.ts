/** Routers that many runs share. */
import { Effect } from "effect"
import { HttpRouter } from "effect/http"
import type { Layer } from "effect/Layer"
import { buildOnce } from "./buildOnce.ts"
import { type Services, withoutDisk } from "./services.ts"

/** What routes may need to be built: what every server offers, and what is only there during a request. */
export type Buildable = HttpRouter.HttpRouter | Services | HttpRouter.Request<string, unknown>

/** The effect that a router of these routes is. */
export type App<A, E, R> = Effect.Success<ReturnType<typeof HttpRouter.toHttpEffect<A, E, R>>>

export const prebuilt = <A, E, R extends Buildable>(routes: Layer<A, E, R>): App<A, E, R> => {
  const build = Effect.provideContext(HttpRouter.toHttpEffect(routes), withoutDisk)
  // house: what is left of `Buildable` are markers of needs of a request, which TypeScript cannot subtract from R
  return buildOnce(build as Effect.Effect<App<A, E, R>, unknown>)
}
