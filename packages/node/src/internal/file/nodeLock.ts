/// <reference path="./fs-native-extensions.d.ts" />
/** The locks of the operating system, through fs-native-extensions. */
import { closeSync, openSync, statSync } from "node:fs"
import { StateStore } from "@holdfast/core"
import { Effect, PlatformError, Predicate } from "effect"
import type { FileLock } from "../../FileLock.ts"

type Native = typeof import("fs-native-extensions").default

/** It is only there for those who want files. */
const native: Effect.Effect<Native, StateStore.StoreUnavailable> = Effect.tryPromise({
  try: () => import("fs-native-extensions").then(({ default: loaded }) => loaded),
  catch: (cause) =>
    new StateStore.StoreUnavailable({
      store: "files",
      operation: "take locks",
      reason: "Unsupported",
      cause: new Error("add fs-native-extensions to the dependencies", { cause })
    })
})

const tags: Readonly<Record<string, PlatformError.SystemErrorTag>> = {
  ENOENT: "NotFound",
  EACCES: "PermissionDenied",
  EPERM: "PermissionDenied",
  EISDIR: "BadResource",
  ENOTDIR: "BadResource",
  ELOOP: "BadResource"
}

const toPlatformError = (method: string, path: string, cause: unknown): PlatformError.PlatformError => {
  const code = Predicate.hasProperty(cause, "code") ? String(cause.code) : ""
  return PlatformError.systemError({
    _tag: tags[code] ?? "Unknown",
    module: "FileLock",
    method,
    pathOrDescriptor: path,
    cause
  })
}

/** The descriptor that has the lock. It belongs to the open file, so another one of this process does not have it. */
const take = ({ tryLock }: Native, path: string): number | undefined => {
  const descriptor = openSync(path, "a+")
  try {
    if (tryLock(descriptor)) return descriptor
  } catch (error) {
    closeSync(descriptor)
    throw error
  }
  closeSync(descriptor)
  return undefined
}

/** A process that is being started may have the descriptor for a moment: then closing it here does not unlock it. */
const release = ({ unlock }: Native, descriptor: number): void => {
  try {
    unlock(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

/** With a lock that many can have: so those who look do not see each other, even if one of them stands still just then. */
const isTaken = ({ tryLock, unlock }: Native, path: string): boolean => {
  let descriptor: number
  try {
    descriptor = openSync(path, "r")
  } catch (error) {
    if (Predicate.hasProperty(error, "code") && error.code === "ENOENT") return false
    throw error
  }
  try {
    if (!tryLock(descriptor, { shared: true })) return true
    unlock(descriptor)
    return false
  } finally {
    closeSync(descriptor)
  }
}

/** Which file it is, and when it was last written. As BigInts, since a float has no nanoseconds of our days. */
const look = (path: string): string | undefined => {
  const found = statSync(path, { bigint: true, throwIfNoEntry: false })
  return found && `${found.dev}:${found.ino}:${found.mtimeNs}:${found.size}`
}

/** Nothing here waits, so all of it is synchronous: a thread of the pool would take longer than the call itself. */
export const makeLock: Effect.Effect<FileLock["Service"], StateStore.StoreUnavailable> = Effect.map(
  native,
  (extensions) => ({
    tryLock: (path) =>
      Effect.acquireRelease(
        Effect.try({
          try: () => take(extensions, path),
          catch: (cause) => toPlatformError("tryLock", path, cause)
        }),
        (descriptor) =>
          descriptor === undefined ? Effect.void : Effect.sync(() => release(extensions, descriptor))
      ).pipe(Effect.map((descriptor) => descriptor !== undefined)),
    isLocked: (path) =>
      Effect.try({
        try: () => isTaken(extensions, path),
        catch: (cause) => toPlatformError("isLocked", path, cause)
      }),
    // On the way of every read: what is not an object less is not there.
    identity: (path) =>
      Effect.suspend(() => {
        try {
          return Effect.succeed(look(path))
        } catch (cause) {
          return Effect.fail(toPlatformError("identity", path, cause))
        }
      })
  })
)
