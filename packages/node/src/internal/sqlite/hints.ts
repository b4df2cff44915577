/** Tells when another process has written. */

import { watch } from "node:fs"
import { Effect, Queue, Stream } from "effect"

/**
 * An element for each time that the file was written to, or several such times.
 *
 * Where files cannot be watched, or not any more, none comes.
 */
export const hints = (path: string): Stream.Stream<void> =>
  Stream.callback<void>(
    (queue) =>
      Effect.acquireRelease(
        Effect.sync(() => {
          try {
            const watcher = watch(path, { persistent: false }, () => Queue.offerUnsafe(queue, undefined))
            watcher.on("error", () => watcher.close())
            return watcher
          } catch {
            return undefined
          }
        }),
        (watcher) => Effect.sync(() => watcher?.close())
      ),
    { bufferSize: 1, strategy: "sliding" }
  )
