/** What is in a store when somebody comes to look. */
import { readdirSync } from "node:fs"
import { LockedState, Register } from "@holdfast/core"
import { FileStateStore, SqliteStateStore } from "@holdfast/node"
import { Effect, Schema } from "effect"
import type { Final } from "./history.ts"
import { Numbers } from "./Numbers.ts"
import { strangersIn } from "./strangers.ts"
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

/** The value of the register, as it is stored: whoever becomes an owner buries the dead first. */
const Raw = Schema.Struct({
  owners: Schema.ReadonlyMap(Schema.Int, Schema.Int),
  entries: Schema.ReadonlyMap(Schema.String, Schema.NullOr(Schema.Unknown))
})

const raw = LockedState.make(registerKey, {
  schema: Raw,
  initial: { owners: new Map(), entries: new Map() }
})

export interface Found extends Final {
  /** How many owners are written down, though nobody is there. */
  readonly owners: number
  /** How many of the contested keys the one who looks could have. */
  readonly free: number
  /** Files that no store has. */
  readonly strangers: ReadonlyArray<string>
}

/** What is there when all writers are gone. */
export const lookAround = (store: StoreName, directory: string) =>
  Effect.suspend(() => {
    // Who opens a store tidies up.
    const strangers = strangersIn(store, readdirSync(directory, { recursive: true, encoding: "utf8" }))
    return Effect.gen(function* () {
      const counts = yield* (yield* ledger).get
      const { entries, owners } = yield* (yield* raw).get
      const register = yield* Register.make(registerKey)
      const won = yield* Effect.filter(Numbers.contested, (key) => register.tryAcquire(key))
      return {
        counts,
        entries: new Map(Array.from(entries, ([key, held]) => [key, held !== null] as const)),
        owners: owners.size,
        strangers,
        free: won.length
      } satisfies Found
    }).pipe(Effect.scoped, Effect.provide(layerOf(store, directory)))
  })
