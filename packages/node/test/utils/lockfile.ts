/** A process that has a lock of proper-lockfile: see `lockfileHolder.ts`. */
import { Effect } from "effect"
import { Child } from "./children.ts"
import type { LockfileTold } from "./lockfileHolder.ts"

const module = new URL("./lockfileHolder.ts", import.meta.url)

export const startLockfileHolder = (file: string) =>
  Effect.tap(Child.start<LockfileTold, "write">({ module, task: file }), (holder) =>
    holder.until((told) => told.find(({ tag }) => tag === "held"))
  )
