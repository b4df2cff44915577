/**
 * Effect's own `HttpClient` and `HttpServer` between simulated hosts.
 */
import type { Duration, FileSystem, Path } from "effect"
import { Effect, Layer } from "effect"
import { type Etag, HttpClient, type HttpPlatform, HttpServer, type HttpServerError } from "effect/http"
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
