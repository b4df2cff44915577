/** A backend on a directory, for as long as a scope lasts. */
import { existsSync } from "node:fs"
import { join } from "node:path"
import type { StateStore } from "@holdfast/core"
import { Effect, type Scope } from "effect"
import { belongsTo, layouts, signs } from "../kinds.ts"
import { SqliteBackend } from "./backend.ts"
import { toUnavailable } from "./errors.ts"
import { makeDirectory } from "./files.ts"
import { Locks } from "./locks.ts"
import { type Place, placeOf } from "./place.ts"
import { Unsupported } from "./prepare.ts"
import { Store } from "./store.ts"
import { checkVersion } from "./supported.ts"

/** State that is kept in files would look like none. Who has files of that name for something else has no such locks. */
const refuseFiles = ({ database, directory, locks }: Place): void => {
  if (existsSync(database) || !existsSync(locks)) return
  for (const kind of layouts) {
    const path = join(directory, signs[kind])
    if (existsSync(path)) throw new Unsupported(belongsTo(path, kind))
  }
}

const acquire = (directory: string) => {
  checkVersion(process.versions.sqlite)
  const place = placeOf(directory)
  refuseFiles(place)
  makeDirectory(place.directory)
  makeDirectory(place.locks)
  return { store: new Store(place), locks: new Locks(place.locks) }
}

export const makeBackend = (
  directory: string
): Effect.Effect<SqliteBackend, StateStore.StoreUnavailable, Scope.Scope> => {
  const acquiring = Effect.try({
    try: () => acquire(directory),
    catch: (error) => {
      const { database, directory: path } = placeOf(directory)
      return toUnavailable(error, { store: directory, operation: "open", directory: path, file: database })
    }
  })
  return Effect.acquireRelease(acquiring, ({ locks, store }) =>
    Effect.sync(() => {
      locks.close()
      store.close()
    })
  ).pipe(
    Effect.map(({ locks, store }) => new SqliteBackend(directory, store, locks)),
    Effect.tap((backend) => backend.open)
  )
}
