/** What is in a store when somebody comes to look. */
import { readdirSync } from "node:fs"
import { Register } from "@holdfast/core"
import { FileStateStore, SqliteStateStore } from "@holdfast/node"
import { Effect } from "effect"
import type { Final } from "./history.ts"
import { Numbers } from "./Numbers.ts"
import { ledger, registerKey } from "./writer/state.ts"
import type { StoreName } from "./writer/Wire.ts"

const layerOf = (store: StoreName, directory: string) =>
  store === "sqlite" ? SqliteStateStore.layer({ directory }) : FileStateStore.layer({ directory })

/** Who has which key of the register. */
export const lookAtRegister = (store: StoreName, directory: string) =>
  Effect.flatMap(Register.make(registerKey), ({ snapshot }) => snapshot).pipe(
    Effect.scoped,
    Effect.provide(layerOf(store, directory))
  )

export interface Found extends Final {
  /** How many of the contested keys the one who looks could have. */
  readonly free: number
  /** Files of writers that died. */
  readonly left: ReadonlyArray<string>
}

/** What is there when all writers are gone. */
export const lookAround = (store: StoreName, directory: string) =>
  Effect.gen(function* () {
    const left = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((file) =>
      file.endsWith(".tmp")
    )
    const counts = yield* (yield* ledger).get
    const register = yield* Register.make(registerKey)
    const entries = new Map(
      Array.from(yield* register.snapshot, ([key, { active }]) => [key, active] as const)
    )
    const won = yield* Effect.filter(Numbers.contested, (key) => register.tryAcquire(key))
    return { counts, entries, left, free: won.length } satisfies Found
  }).pipe(Effect.scoped, Effect.provide(layerOf(store, directory)))
