/** What routes may ask the platform for, as far as it can be had without promises. */
import { type Context, Effect, FileSystem, Layer, Option, Path } from "effect"
import { Etag, HttpPlatform } from "effect/http"
import { buildOnce } from "./buildOnce.ts"
import * as refusals from "./refusals.ts"

export type Services = HttpPlatform.HttpPlatform | Etag.Generator | FileSystem.FileSystem | Path.Path

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

const over = (disk: FileSystem.FileSystem): Layer.Layer<Services> =>
  Layer.mergeAll(platform, Path.layer, Etag.layerWeak).pipe(
    Layer.provideMerge(Layer.succeed(FileSystem.FileSystem, disk))
  )

/**
 * Without state, so one for all runs: building it takes longer than serving a request. Not in the first run that needs
 * it, where its fibers would be counted among those of the run.
 */
export const withoutDisk: Context.Context<Services> = buildOnce(Layer.build(over(refusals.noFileSystem)))

/** On the disk of whoever provides one. */
export const layer: Layer.Layer<Services> = Layer.unwrap(
  Effect.map(
    Effect.serviceOption(FileSystem.FileSystem),
    Option.match({ onNone: () => Layer.succeedContext(withoutDisk), onSome: over })
  )
)
