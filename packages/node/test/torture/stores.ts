/** The stores that are tortured, and two that are broken, which show that the torture finds it. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import type { Lock, StateStore } from "@holdfast/core"
import { FileLock, FileStateStore, SqliteStateStore } from "@holdfast/node"
import { type FileSystem, Layer } from "effect"
import { dieInDatabases } from "./databases.ts"
import { dyingFileSystem, dyingLocks, inPlace, noLocks, ownDrafts } from "./files.ts"
import { type Point, type Points, pointsOfFiles, pointsOfSqlite } from "./points.ts"

export interface TorturedStore {
  readonly layer: (
    directory: string,
    points: Points
  ) => Layer.Layer<StateStore.StateStore | Lock.Lock, StateStore.StoreUnavailable>
  readonly points: ReadonlyArray<Point>
}

const files = (
  layout: "perKey" | "single",
  fileSystem: Layer.Layer<FileSystem.FileSystem> = NodeFileSystem.layer,
  locks: typeof FileLock.layerNode = FileLock.layerNode
): TorturedStore => ({
  points: pointsOfFiles,
  layer: (directory, points) =>
    FileStateStore.layerFileSystem({ directory, layout }).pipe(
      Layer.provide([
        Layer.provide(dyingFileSystem(points), fileSystem),
        Layer.provide(dyingLocks(points), locks)
      ])
    )
})

const sqlite: TorturedStore = {
  points: pointsOfSqlite,
  layer: (directory, points) => {
    dieInDatabases(points)
    return SqliteStateStore.layer({ directory })
  }
}

const stores = {
  sqlite,
  file: files("perKey"),
  "file-single": files("single"),
  unlocked: files(
    "perKey",
    Layer.provide(ownDrafts, NodeFileSystem.layer),
    Layer.provide(noLocks, FileLock.layerNode)
  ),
  "in-place": files("perKey", Layer.provide(inPlace, NodeFileSystem.layer))
} as const

export type StoreName = keyof typeof stores

export const storeOf = (name: StoreName): TorturedStore => stores[name]

export const names = [
  "sqlite",
  "file",
  "file-single",
  "unlocked",
  "in-place"
] as const satisfies ReadonlyArray<StoreName>

/** All but those that are broken. */
export const sound = ["sqlite", "file", "file-single"] as const satisfies ReadonlyArray<StoreName>
