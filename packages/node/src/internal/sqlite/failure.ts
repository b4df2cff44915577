/** What the errors of SQLite mean. */

import { accessSync, constants, existsSync } from "node:fs"
import type { StateStore } from "@holdfast/core"

/** Codes are those of https://sqlite.org/rescode.html; their upper bits say where it happened. */
const codes = {
  error: 1,
  perm: 3,
  busy: 5,
  locked: 6,
  readOnly: 8,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  protocol: 15,
  tooBig: 18,
  constraint: 19,
  notADatabase: 26
} as const

const codeOf = (error: unknown): number | undefined =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number"
    ? error.errcode & 0xff
    : undefined

const isOneOf =
  (...some: ReadonlyArray<number>) =>
  (error: unknown): boolean => {
    const code = codeOf(error)
    return code !== undefined && some.includes(code)
  }

/** Somebody else has what is needed, and gives it back in a while. */
export const isBusy = isOneOf(codes.busy, codes.locked, codes.protocol)

const isTooMuch = isOneOf(codes.full, codes.tooBig)

const hasCode = (error: unknown, ...some: ReadonlyArray<string>): boolean =>
  error instanceof Error && "code" in error && some.some((code) => code === error.code)

/** A value over the limits of SQLite finds no room either. */
export const isFull = (error: unknown): boolean => isTooMuch(error) || hasCode(error, "ENOSPC", "EDQUOT")

/** A statement that is always the same has no mistakes: what it is about does not have the form. */
export const isUnknownForm = isOneOf(codes.error)

/** What is in the file is no database, or none that was written so. */
export const isCorrupt = isOneOf(codes.corrupt, codes.notADatabase, codes.constraint)

/** A number in a row has become so large that it cannot be read. */
export const isOutOfRange = (error: unknown): boolean => hasCode(error, "ERR_OUT_OF_RANGE")

const isRefused = isOneOf(codes.perm, codes.readOnly, codes.cantOpen)

export const isReadOnly = isOneOf(codes.readOnly)

type Reason = StateStore.StoreUnavailable["reason"]

const reasons: ReadonlyMap<unknown, Reason> = new Map([
  ["EACCES", "Denied"],
  ["EPERM", "Denied"],
  ["EROFS", "ReadOnly"],
  ["ENOENT", "Missing"],
  ["ENOTDIR", "Missing"]
])

const systemReason = (error: unknown): Reason | undefined =>
  error instanceof Error && "code" in error ? reasons.get(error.code) : undefined

/** SQLite does not say why it was refused a file; the system does, when it is asked about rights. No file is opened. */
export const refusal = ({ directory, file }: Pick<Site, "directory" | "file">): Reason | undefined => {
  try {
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK)
    if (existsSync(file)) accessSync(file, constants.R_OK | constants.W_OK)
    return undefined
  } catch (error) {
    return systemReason(error)
  }
}

/** Where something went wrong: the store, what it was doing, and what it needs for that. */
export interface Site {
  readonly store: string
  readonly operation: string
  readonly directory: string
  readonly file: string
}

/** Why something cannot be used that is neither busy, nor full, nor corrupt. */
export const reasonOf = (error: unknown, site: Site): Reason => {
  if (isRefused(error)) return refusal(site) ?? (isReadOnly(error) ? "ReadOnly" : "Io")
  return systemReason(error) ?? "Io"
}

/** Whether it comes from SQLite or the system: anything else is a bug. */
export const isForeign = (error: unknown): boolean =>
  error instanceof Error && ("errcode" in error || ("code" in error && "syscall" in error))
