/** Which layout a directory has: that of whoever opened a store there first. */
import { type OutcomeUnknown, StateStore } from "@holdfast/core"
import { Effect } from "effect"
import { belongsTo, kinds, signs } from "../kinds.ts"
import { write } from "./commit.ts"
import { empty } from "./document.ts"
import { toUnavailable } from "./errors.ts"
import { makePin } from "./pins.ts"
import { documentLock, locksOf, type Store } from "./store.ts"

/** No document has this lock, and no lock that somebody names. */
const claimLock = (root: string): string => `${locksOf(root)}/layout`

const has = ({ disk, label }: Store, path: string) =>
  Effect.mapError(disk.fs.exists(path), toUnavailable(label, "open"))

/** State that is kept in another way would look like none. */
export const refuseOther = Effect.fnUntraced(function* (
  store: Store
): Effect.fn.Return<void, StateStore.StoreUnavailable> {
  const { label, layout, root } = store
  for (const kind of kinds) {
    const path = `${root}/${signs[kind]}`
    if (kind === layout.name) continue
    if (!(yield* has(store, path))) continue
    return yield* new StateStore.StoreUnavailable({
      store: label,
      operation: "open",
      reason: "Unsupported",
      cause: new Error(belongsTo(path, kind))
    })
  }
})

/** Far longer than a sign takes to be made. */
const patience = "10 seconds"

type Mark = Effect.Effect<boolean, StateStore.StoreFull | StateStore.StoreUnavailable | OutcomeUnknown>

/** The sign of the layout, when nobody else is making one. */
const mark = (store: Store): Mark => {
  const { disk, label, layout, root } = store
  const unavailable = toUnavailable(label, "open")
  const lock = (path: string) => Effect.mapError(disk.lock.tryLock(path), unavailable)
  return Effect.gen(function* () {
    if (!(yield* lock(claimLock(root)))) return false
    yield* refuseOther(store)
    if (layout.name === "perKey") {
      yield* Effect.mapError(disk.fs.makeDirectory(layout.directory, { recursive: true }), unavailable)
      return true
    }
    const name = layout.documentOf("")
    // Somebody may write whose file was taken away.
    if (!(yield* lock(documentLock(root, name)))) return false
    if (!(yield* has(store, layout.pathOf(name)))) yield* write(store, name, empty, yield* makePin)
    return true
  }).pipe(Effect.scoped, Effect.uninterruptible)
}

/**
 * Makes sure that there is the sign of this layout, and none of another.
 *
 * **Details**
 *
 * A sign is made under a lock, and is part of the state itself: so whoever dies has made it or not, and where it is
 * already, nothing needs to be written.
 */
export const claim = (store: Store): Effect.Effect<void, StateStore.StoreUnavailable> => {
  const toOpen = (cause: StateStore.StoreFull | OutcomeUnknown) =>
    new StateStore.StoreUnavailable({ store: store.label, operation: "open", reason: "Io", cause })
  const untilMarked: Effect.Effect<void, Effect.Error<Mark>> = Effect.gen(function* () {
    if (yield* has(store, `${store.root}/${signs[store.layout.name]}`)) return yield* refuseOther(store)
    // Who cannot take the lock looks again: a sign that has come meanwhile, also one of a store that has no such lock.
    yield* (yield* mark(store)) ? untilMarked : Effect.andThen(Effect.sleep(1), untilMarked)
  })
  return untilMarked.pipe(
    Effect.catchTags({
      StoreFull: (cause) => Effect.fail(toOpen(cause)),
      OutcomeUnknown: (cause) => Effect.fail(toOpen(cause))
    }),
    Effect.timeoutOrElse({
      duration: patience,
      orElse: () =>
        Effect.fail(
          new StateStore.StoreUnavailable({
            store: store.label,
            operation: "open",
            reason: "Io",
            cause: new Error(`another process has been making it for ${patience}: it stands still`)
          })
        )
    })
  )
}
