/** Processes that want one lock of a store of files, again and again. */
import { Check, Disk, Host } from "@holdfast/sim"
import { Effect } from "effect"
import * as fc from "fast-check"
import { make } from "../../src/internal/file/backend.ts"
import type { Variant } from "./plantedFiles.ts"
import { filesOf, layerFiles } from "./processFiles.ts"

/** For each process, how long it has the lock each time, in milliseconds. */
export type Turns = ReadonlyArray<ReadonlyArray<number>>

export const turns: fc.Arbitrary<Turns> = fc.array(
  fc.array(fc.constantFrom(0, 0, 1), { minLength: 1, maxLength: 5 }),
  { minLength: 2, maxLength: 4 }
)

export const take = Effect.fnUntraced(function* (variant: Variant, all: Turns) {
  const disk = yield* Disk.make()
  let inside = 0
  const section = (millis: number) =>
    Effect.andThen(
      Check.always("LK-1", inside++ === 0, "two have the lock"),
      Effect.ensuring(
        Effect.sleep(millis),
        Effect.sync(() => inside--)
      )
    )
  const processOf = Effect.fnUntraced(function* (turns: ReadonlyArray<number>) {
    const files = variant.change(filesOf(yield* disk.process))
    const store = yield* Effect.provide(
      make({ directory: "/state", layout: "perKey", owner: "one of them" }),
      layerFiles(files)
    )
    for (const millis of turns) {
      const attempt = Effect.scoped(
        Effect.tap(store.tryLock("lock"), (isMine) =>
          isMine ? Effect.suspend(() => section(millis)) : Effect.void
        )
      )
      // All try at the same moments.
      while (!(yield* attempt)) yield* Effect.sleep(1)
    }
  })
  const hosts: Array<Host.Host> = []
  for (const [index, turns] of all.entries()) {
    hosts.push(yield* Host.make(`p${index + 1}`, processOf(turns)))
  }
  for (const { exited } of hosts) {
    const ended = yield* exited
    yield* Check.always("LK-1", ended._tag === "Exited" && ended.exit._tag === "Success", () => `${ended}`)
  }
})
