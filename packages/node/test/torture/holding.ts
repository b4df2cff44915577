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
export const toldAt = (
  holder: Holder,
  tag: Exclude<HolderTold["tag"], "written">
): Effect.Effect<number, ChildEnded> =>
  holder.until((lines) => lines.flatMap((line) => (line.tag === tag ? [line.at] : [])).at(-1))

/** Others want what a holder has while it does this. Nobody gets it before it writes, and nothing is lost. */
export const whileHeld = (task: HolderTask, order: HolderHeard, done: "blocked" | "collected") =>
  Effect.gen(function* () {
    const holder = yield* startHolder(task)
    const state = yield* held
    const entries: Array<{ readonly who: string; readonly at: number }> = []
    const enter = (who: string): void => void entries.push({ who, at: nowMillis() })
    const change = state.modify((value) => [enter("a change"), value + 1])
    const exclusive = state.modifyEffect((value) =>
      Effect.sync(() => [enter("an exclusive change"), value + 1] as const)
    )
    const others = yield* Effect.forkChild(Effect.all([change, exclusive], { concurrency: "unbounded" }), {
      startImmediately: true
    })
    holder.tell(order)
    yield* toldAt(holder, done)
    const attempt = yield* Effect.exit(Lock.withLock(Effect.void, heldKey, { wait: 0 }))
    if (Exit.isSuccess(attempt)) enter("who tried once")
    holder.tell({ tag: "write" })
    const wroteAt = yield* toldAt(holder, "writing")
    yield* Fiber.join(others)
    const value = yield* state.get
    const early = entries.filter(({ at }) => at < wroteAt)
    return [
      ...early.map(
        ({ who }): Violation => ({ kind: "overlap", text: `${who} came before the holder wrote` })
      ),
      ...(value === 3
        ? []
        : [{ kind: "lost", text: `3 have written, and there are ${value} writes` } as const])
    ] satisfies ReadonlyArray<Violation>
  }).pipe(Effect.scoped, Effect.provide(storeOf(task.store).layer(task.directory, new Points())))
