/** A process that has a value for itself, and does with its event loop and its memory what it is told meanwhile. */
import { LockedState } from "@holdfast/core"
import { Effect, Queue, Schema } from "effect"
import { nowMillis } from "../utils/children.ts"
import { block, listen, tell } from "../utils/lifeline.ts"
import { Points } from "./points.ts"
import { type StoreName, storeOf } from "./stores.ts"

export interface HolderTask {
  readonly store: StoreName
  readonly directory: string
}

export type HolderHeard =
  /** Block the event loop for so long. */
  | { readonly tag: "block"; readonly millis: number }
  /** Collect all garbage; needs `--expose-gc`. */
  | { readonly tag: "collect" }
  /** Write, and let go. */
  | { readonly tag: "write" }

export type HolderTold =
  | { readonly tag: "held" | "blocking" | "blocked" | "collected" | "writing"; readonly at: number }
  | { readonly tag: "written"; readonly value: number }

export const heldKey = "held"

/** The value that it has, which is the number of writes. */
export const held = LockedState.make(heldKey, { schema: Schema.Int, initial: 0 })

const say = (told: HolderTold): void => tell(told)
const sayNow = (tag: Exclude<HolderTold["tag"], "written">): void => say({ tag, at: nowMillis() })

/** Long enough that whatever is only reachable from a fiber that waits has its turn. */
const collections = 20

const collect = Effect.gen(function* () {
  for (let round = 0; round < collections; round++) {
    globalThis.gc?.()
    // What has a finalizer ends after a turn of the event loop.
    yield* Effect.sleep(1)
  }
  sayNow("collected")
})

const stay = (heard: Queue.Queue<HolderHeard>): Effect.Effect<void> =>
  Effect.flatMap(Queue.take(heard), (order) => {
    if (order.tag === "write") return Effect.sync(() => sayNow("writing"))
    if (order.tag === "collect") return Effect.andThen(collect, stay(heard))
    return Effect.suspend(() => {
      sayNow("blocking")
      block(order.millis)
      sayNow("blocked")
      return stay(heard)
    })
  })

const program = Effect.gen(function* () {
  const heard = yield* Queue.unbounded<HolderHeard>()
  listen<HolderHeard>((order) => Queue.offerUnsafe(heard, order))
  const state = yield* held
  const value = yield* state.modifyEffect((before) => {
    sayNow("held")
    return Effect.as(stay(heard), [before + 1, before + 1] as const)
  })
  say({ tag: "written", value })
})

if (import.meta.main) {
  const { directory, store }: HolderTask = JSON.parse(process.argv[2] ?? "{}")
  await Effect.runPromise(Effect.provide(program, storeOf(store).layer(directory, new Points())))
  process.exit()
}
