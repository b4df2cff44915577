/** Rows in a map: the smallest backend there is. */
import { Effect, Result, Stream } from "effect"
import type { Row, StateBackend } from "../../StateBackend.ts"

export const memory = (): StateBackend => {
  const rows = new Map<string, Row>()
  return {
    label: "memory",
    owner: "this process",
    documentOf: () => "memory",
    read: (key) => Effect.sync(() => rows.get(key)),
    commit: (_document, decide) =>
      Effect.sync(() => {
        const changed = decide((key) => Result.succeed(rows.get(key)))
        for (const [key, row] of changed) rows.set(key, row)
        return true
      }),
    // The fibers of this process queue for a key before they come here, and nobody else does.
    tryLock: () => Effect.succeed(true),
    isLocked: () => Effect.succeed(false),
    hints: Stream.never,
    keys: (prefix) =>
      Effect.sync(() =>
        Array.from(rows)
          .filter(([key, { stored }]) => stored !== undefined && key.startsWith(prefix))
          .map(([key]) => key)
          .sort()
      ),
    repair: () => Effect.undefined
  }
}
