/** A process that lives keeps what it has, whatever it does. */
import { Lock } from "@holdfast/core"
import { Effect, Exit, Fiber, type Scope } from "effect"
import { Child, type ChildEnded, nowMillis } from "../utils/children.ts"
import type { Violation } from "./history.ts"
import { type HolderHeard, type HolderTask, type HolderTold, held, heldKey } from "./holder.ts"
import { Points } from "./points.ts"
import { storeOf } from "./stores.ts"

type Holder = Child<HolderTold, HolderHeard>

const holderModule = new URL("holder.ts", import.meta.url)

/** A process that has the value for itself. */
export const startHolder = (task: HolderTask): Effect.Effect<Holder, ChildEnded, Scope.Scope> =>
  Effect.tap(
    Child.start<HolderTold, HolderHeard>({ module: holderModule, task, nodeOptions: ["--expose-gc"] }),
    (holder) => toldAt(holder, "held")
  )

/** Waits until it tells this, and says when it did. */
const toldAt = (holder: Holder, tag: HolderTold["tag"]): Effect.Effect<number, ChildEnded> =>
  holder.until((lines) => lines.flatMap((line) => (line.tag === tag ? [line.at] : [])).at(-1))

/** One try. */
const isFree = Effect.map(Effect.exit(Lock.withLock(Effect.void, heldKey, { wait: 0 })), Exit.isSuccess)

const missing = (expected: number, value: number): ReadonlyArray<Violation> =>
  value === expected
    ? []
    : [{ kind: "lost", text: `${expected} have written, and there are ${value} writes` }]

/** Others want what a process has whose event loop is blocked. They get it when it has written, and nothing is lost. */
export const whileBlocked = (task: HolderTask, millis: number) =>
  Effect.gen(function* () {
    const holder = yield* startHolder(task)
    const state = yield* held
    const enteredAt: Array<number> = []
    const change = (value: number) => {
      enteredAt.push(nowMillis())
      return [undefined, value + 1] as const
    }
    const all = [state.modify(change), state.modifyEffect((value) => Effect.sync(() => change(value)))]
    const others = yield* Effect.forkChild(Effect.all(all, { concurrency: "unbounded" }), {
      startImmediately: true
    })
    holder.tell({ tag: "block", millis })
    yield* toldAt(holder, "blocked")
    if (yield* isFree) enteredAt.push(nowMillis())
    holder.tell({ tag: "write" })
    const wroteAt = yield* toldAt(holder, "writing")
    yield* Fiber.join(others)
    return [
      ...enteredAt
        .filter((at) => at < wroteAt)
        .map((at): Violation => ({ kind: "overlap", text: `somebody came ${wroteAt - at} ms too early` })),
      ...missing(1 + all.length, yield* state.get)
    ]
  }).pipe(Effect.scoped, Effect.provide(storeOf(task.store).layer(task.directory, new Points())))

/** What nothing refers to any more is collected, and with it would be what holds a lock. */
export const whileCollected = (task: HolderTask) =>
  Effect.gen(function* () {
    const holder = yield* startHolder({ ...task, isForgotten: true })
    const state = yield* held
    yield* Effect.sync(() => holder.tell({ tag: "collect" }))
    yield* toldAt(holder, "collected")
    const wasFree = yield* isFree
    yield* holder.kill
    yield* state.update((value) => value + 1)
    return [
      ...(wasFree ? [{ kind: "overlap", text: "the lock of a process that lives was free" } as const] : []),
      ...missing(1, yield* state.get)
    ] satisfies ReadonlyArray<Violation>
  }).pipe(Effect.scoped, Effect.provide(storeOf(task.store).layer(task.directory, new Points())))
