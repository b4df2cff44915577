/** The stores of a writer, with the points at which it can be killed. */
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as Lock from "@holdfast/core/Lock"
import type { StateStore, StoreUnavailable } from "@holdfast/core/StateStore"
import * as FileLock from "@holdfast/node/FileLock"
import * as FileStateStore from "@holdfast/node/FileStateStore"
import * as SqliteStateStore from "@holdfast/node/SqliteStateStore"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type { Points } from "./points.ts"
import type { Plan, Point } from "./Wire.ts"

export type Store = (plan: Plan, points: Points) => Layer.Layer<StateStore | Lock.Lock, StoreUnavailable>

export const storeOf: Store = (plan, points) =>
  Layer.provideMerge(stoppingLocks(points), plan.store === "sqlite" ? sqlite(plan) : files(plan, points))

const sqlite = ({ directory }: Plan) => SqliteStateStore.layer({ directory })

const files = ({ directory }: Plan, points: Points) =>
  FileStateStore.layerFileSystem({ directory }).pipe(
    Layer.provide([stoppingFiles(points), FileLock.layerNode])
  )

/** An owner has the lock of its slot, and nobody knows of it yet. */
const stoppingLocks = (points: Points) =>
  Layer.effect(
    Lock.Lock,
    Effect.map(Lock.Lock, (lock) =>
      Lock.Lock.of({
        ...lock,
        acquire: (key, options) =>
          Effect.tap(lock.acquire(key, options), () =>
            Effect.sync(() => {
              if (key.includes("/owner/")) points.reach("with the lock of a slot")
            })
          )
      })
    )
  )

const stoppingFiles = (points: Points) =>
  Layer.effect(
    FileSystem.FileSystem,
    Effect.map(FileSystem.FileSystem, (fs) =>
      FileSystem.make({
        ...fs,
        open: (path, options) =>
          Effect.map(fs.open(path, options), (file) => {
            if (isDraftOfSlot(path)) return halfDraft(points, "in the middle of the write of a slot", file)
            return isDraft(path) ? draft(points, file) : file
          }),
        rename: (from, to) =>
          isDraft(from)
            ? Effect.tap(before(points, "before the rename", fs.rename(from, to)), () =>
                Effect.sync(() => points.reach("before the sync of the directory"))
              )
            : fs.rename(from, to)
      })
    )
  ).pipe(Layer.provide(NodeFileSystem.layer))

/** The file that is to replace that of the ledger, for which everybody waits. */
const isDraft = (path: string): boolean => path.endsWith("ledger.json.tmp")

/** A file that nobody writes again, when nobody has the slot after the one that died. */
const isDraftOfSlot = (path: string): boolean => /%2fowner%2f\d+\.json\.tmp$/.test(path)

const before = <A, E>(points: Points, point: Point, io: Effect.Effect<A, E>) =>
  Effect.suspend(() => {
    points.reach(point)
    return io
  })

/** It can be left with half of its bytes. */
const halfDraft = (points: Points, point: Point, file: FileSystem.File): FileSystem.File => ({
  [FileSystem.FileTypeId]: FileSystem.FileTypeId,
  stat: file.stat,
  seek: (offset, from) => file.seek(offset, from),
  read: (buffer, options) => file.read(buffer, options),
  readAlloc: (size, options) => file.readAlloc(size, options),
  truncate: (length) => file.truncate(length),
  writeAll: (buffer) => file.writeAll(buffer),
  write: (buffer) =>
    points.isNext(point)
      ? Effect.tap(file.write(buffer.subarray(0, buffer.length / 2)), () =>
          Effect.sync(() => points.reach(point))
        )
      : file.write(buffer),
  sync: file.sync
})

const draft = (points: Points, file: FileSystem.File): FileSystem.File => {
  const half = halfDraft(points, "in the middle of the write", file)
  return {
    ...half,
    write: (buffer) => before(points, "before the write", half.write(buffer)),
    sync: before(points, "before the sync", file.sync)
  }
}
