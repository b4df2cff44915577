/**
 * Effect's own `HttpClient` and `HttpServer` between simulated hosts.
 */
import type { Duration, FileSystem, Path } from "effect"
import { Effect, Layer } from "effect"
import { type Etag, HttpClient, type HttpPlatform, HttpRouter, HttpServer, type HttpServerError } from "effect/http"
import { buildOnce } from "./internal/http/buildOnce.ts"
import { client } from "./internal/http/client.ts"
import { make } from "./internal/http/server.ts"
import * as services from "./internal/http/services.ts"

export interface Options {
  readonly port: number
  readonly gracefulShutdownTimeout?: Duration.Input | undefined
}

export const layerClient: Layer.Layer<HttpClient.HttpClient> = HttpClient.layerMergedContext(
  Effect.succeed(client)
)

export const layerServer = (
  options: Options
): Layer.Layer<
  HttpServer.HttpServer | HttpPlatform.HttpPlatform | Etag.Generator | FileSystem.FileSystem | Path.Path,
  HttpServerError.ServeError
> => Layer.merge(Layer.effect(HttpServer.HttpServer, make(options)), services.layer)

export const prebuilt = <A, E, R extends HttpRouter.HttpRouter | services.Services | HttpRouter.Request<string, unknown>>(
  routes: Layer.Layer<A, E, R>
) => buildOnce(Effect.provideContext(HttpRouter.toHttpEffect(routes), services.withoutDisk()))
