/** What is thrown in this directory, as the errors of a store. */
import { StateStore } from "@holdfast/core"
import { brokenFile, Damage } from "./damage.ts"
import { isCorrupt, isForeign, reasonOf, type Site } from "./failure.ts"
import { Unsupported } from "./prepare.ts"
import { Closed } from "./store.ts"

const reason = (error: unknown, site: Site): StateStore.StoreUnavailable["reason"] | undefined => {
  if (error instanceof Closed) return "Closed"
  if (error instanceof Unsupported) return "Unsupported"
  return isForeign(error) ? reasonOf(error, site) : undefined
}

/** Throws on what is no such error: that is a bug. */
export const toUnavailable = (error: unknown, site: Site): StateStore.StoreUnavailable => {
  const why = reason(error, site)
  if (why === undefined) throw error
  return new StateStore.StoreUnavailable({
    store: site.store,
    operation: site.operation,
    reason: why,
    cause: error
  })
}

export const toReadError = (error: unknown, key: string, site: Site): StateStore.ReadError => {
  if (error instanceof StateStore.StateCorrupted) return error
  if (error instanceof Damage) return error.toError(site.store, key, site.file)
  if (isCorrupt(error)) return brokenFile("SQLite cannot read it", error).toError(site.store, key, site.file)
  return toUnavailable(error, site)
}
