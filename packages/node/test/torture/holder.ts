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
  /** Nothing refers to what it has: it waits for what never comes, in a fiber that nobody knows. */
  readonly isForgotten?: boolean
}

export type HolderHeard =
  /** Block the event loop for so long. */
  | { readonly tag: "block"; readonly millis: number }
  /** Collect all garbage; needs `--expose-gc`. */
  | { readonly tag: "collect" }
  /** Write, and let go. */
  | { readonly tag: "write" }

export type HolderTold = {
  readonly tag: "held" | "blocked" | "collected" | "writing"
  readonly at: number
}

export const heldKey = "held"

/** The value that it has, which is the number of writes. */
export const held = LockedState.make(heldKey, { schema: Schema.Int, initial: 0 })

const say = (tag: HolderTold["tag"]): void => tell({ tag, at: nowMillis() } satisfies HolderTold)

/** Often enough that whatever has a finalizer has its turn. */
const collections = 20

const collect = Effect.gen(function* () {
  for (let round = 0; round < collections; round++) {
    globalThis.gc?.()
    yield* Effect.sleep(1)
  }
  say("collected")
})

/** Does what it hears until it shall write. */
const stay = (heard: Queue.Queue<HolderHeard>): Effect.Effect<void> =>
  Effect.flatMap(Queue.take(heard), (order) => {
    if (order.tag === "write") return Effect.sync(() => say("writing"))
    if (order.tag === "collect") return Effect.andThen(collect, stay(heard))
    return Effect.suspend(() => {
      block(order.millis)
      say("blocked")
      return stay(heard)
    })
  })

const hold = (meanwhile: Effect.Effect<void>) =>
  Effect.flatMap(held, (state) =>
    state.modifyEffect((value) => {
      say("held")
      return Effect.as(meanwhile, [undefined, value + 1] as const)
    })
  )

const run = ({ directory, isForgotten = false, store }: HolderTask): void => {
  const heard = Effect.runSync(Queue.unbounded<HolderHeard>())
  listen<HolderHeard>((order) => Queue.offerUnsafe(heard, order))
  const holding = Effect.provide(
    hold(isForgotten ? Effect.never : stay(heard)),
    storeOf(store).layer(directory, new Points())
  )
  Effect.runFork(holding)
  if (isForgotten) Effect.runFork(stay(heard))
}

if (import.meta.main) run(JSON.parse(process.argv[2] ?? "{}"))
