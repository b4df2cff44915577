/** What routes may ask the platform for, as far as it can be had without promises. */
import { Effect, FileSystem, Layer, Option, Path } from "effect"
import { Etag, HttpPlatform } from "effect/http"
import * as refusals from "./refusals.ts"

/** The disk of whoever provides one. */
const fileSystem: Layer.Layer<FileSystem.FileSystem> = Layer.effect(
  FileSystem.FileSystem,
  Effect.map(
    Effect.serviceOption(FileSystem.FileSystem),
    Option.getOrElse(() => refusals.noFileSystem)
  )
)

const platform: Layer.Layer<HttpPlatform.HttpPlatform, never, FileSystem.FileSystem> = Layer.effect(
  HttpPlatform.HttpPlatform,
  Effect.map(HttpPlatform.HttpPlatform, (live) =>
    HttpPlatform.HttpPlatform.of({
      ...live,
      // A server that knows no encoding sends responses as they are.
      compression: { algorithms: new Set(), compressResponse: () => refusals.compression },
      fileWebResponse: () => refusals.webFile
    })
  )
).pipe(Layer.provide(HttpPlatform.layer))

export const layer = Layer.mergeAll(platform, Path.layer, Etag.layerWeak).pipe(Layer.provideMerge(fileSystem))
