/** Who changes a durable value of 1 KB under a lock: ours, and proper-lockfile with write-file-atomic. */
import { mkdtempSync, rmSync } from "node:fs"
import { readFile, writeFile } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Lock, LockedState, StateStore } from "@holdfast/core"
import { FileStateStore, SqliteStateStore } from "@holdfast/node"
import { Context, Effect, Exit, Layer, Schema, Scope } from "effect"
import { lock } from "proper-lockfile"
import writeFileAtomic from "write-file-atomic"

/** A value that counts how often it was changed. */
const Value = Schema.Struct({ count: Schema.Int, text: Schema.String })
type Value = typeof Value.Type

export const initial: Value = { count: 0, text: "x".repeat(1000) }

export const next = ({ count, text }: Value): Value => ({ count: count + 1, text })

export const names = ["peer", "file", "sqlite"] as const

export type Name = (typeof names)[number]

const layers = {
  file: (directory: string) => FileStateStore.layer({ directory }),
  sqlite: (directory: string) => SqliteStateStore.layer({ directory })
} as const

export type OurName = keyof typeof layers

/** A store that is open. */
export interface Ours {
  readonly state: LockedState.LockedState<Value>
  readonly store: StateStore.StateStore["Service"]
  readonly lease: Effect.Effect<void, unknown>
  readonly close: () => Promise<void>
}

/** One change of 1 KB. */
export const modify = ({ state }: Pick<Ours, "state">) =>
  state.modify((value) => [value.count, next(value)] as const)

export const open = (name: OurName, directory: string): Promise<Ours> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layers[name](directory), scope)
      const state = yield* Effect.provide(LockedState.make("value", { schema: Value, initial }), context)
      return {
        state,
        store: Context.get(context, StateStore.StateStore),
        lease: Effect.provide(Lock.withLock(Effect.void, "lease"), context),
        close: () => Effect.runPromise(Scope.close(scope, Exit.void))
      }
    })
  )

/** How the peer waits, in milliseconds: of several ways that were tried, it was fastest with this one. */
const retries = { forever: true, factor: 2, minTimeout: 1, maxTimeout: 50 }

export interface Peer {
  readonly modify: () => Promise<void>
  readonly lease: () => Promise<void>
}

export const openPeer = async (directory: string): Promise<Peer> => {
  const file = join(directory, "value.json")
  // Whoever comes first makes it: there is nothing to lock before.
  await writeFile(file, JSON.stringify(initial), { flag: "wx" }).catch(() => {})
  return {
    modify: async () => {
      const release = await lock(file, { retries })
      await writeFileAtomic(file, JSON.stringify(next(JSON.parse(await readFile(file, "utf8")))))
      await release()
    },
    lease: async () => {
      const release = await lock(file, { retries })
      await release()
    }
  }
}

const directories: Array<string> = []

process.on("exit", () => {
  for (const directory of directories) rmSync(directory, { recursive: true, force: true })
})

/** A directory that is removed when the process ends. */
export const makeDirectory = (): string => {
  const directory = mkdtempSync(join(tmpdir(), "bench-"))
  directories.push(directory)
  return directory
}
