/** Files beside the database, made durable. None of them is ever the database, its log or a lock: see `handle.ts`. */
import { closeSync, existsSync, fsyncSync, mkdirSync, openSync, writeFileSync } from "node:fs"
import { dirname, join } from "node:path"

/** Makes what is in a directory last. Where directories cannot be opened, the system does it by itself. */
export const syncDirectory = (path: string): void => {
  if (process.platform === "win32") return
  const descriptor = openSync(path, "r")
  try {
    fsyncSync(descriptor)
  } finally {
    closeSync(descriptor)
  }
}

const isTaken = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "EEXIST"

/** Makes a directory that lasts, and those above it. It is for its owner alone; one that is there stays as it is. */
export const makeDirectory = (path: string): void => {
  if (existsSync(path)) return
  makeDirectory(dirname(path))
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    // Somebody else was faster.
    if (!isTaken(error)) throw error
  }
  syncDirectory(dirname(path))
}

/** How many things can be put aside under one name. */
const maxSame = 1000

const unused = (path: (suffix: string) => string, make: (path: string) => void): string => {
  for (let count = 0; ; count++) {
    const candidate = path(count === 0 ? "" : `-${count}`)
    try {
      make(candidate)
      return candidate
    } catch (error) {
      if (!isTaken(error) || count === maxSame) throw error
    }
  }
}

/** Writes a new file that lasts, under a name that nobody has used, and says which. */
export const putAside = (directory: string, name: string, content: string): string => {
  makeDirectory(directory)
  const path = unused(
    (suffix) => join(directory, `${name}${suffix}.json`),
    (candidate) => writeFileSync(candidate, content, { flag: "wx", mode: 0o600, flush: true })
  )
  syncDirectory(directory)
  return path
}

/** Makes a directory under a name that nobody has used, and says which. */
export const makeAside = (directory: string, name: string): string => {
  makeDirectory(directory)
  const path = unused(
    (suffix) => join(directory, `${name}${suffix}`),
    (candidate) => mkdirSync(candidate, { mode: 0o700 })
  )
  syncDirectory(directory)
  return path
}
