/** A register in a JSON file, over proper-lockfile and write-file-atomic: flags without owners. */
import { mkdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { lock } from "proper-lockfile"
import writeFileAtomic from "write-file-atomic"

type Flags = Readonly<Record<string, boolean>>

/** Asks again soon, which it does best with. */
const retries = { forever: true, factor: 1, minTimeout: 1, maxTimeout: 4 }

export const fileIn = (directory: string): string => join(directory, "register.json")

/** Whoever comes first makes it: there is nothing to lock before. */
export const prepare = async (directory: string): Promise<string> => {
  await mkdir(directory, { recursive: true })
  const file = fileIn(directory)
  await writeFile(file, "{}", { flag: "wx" }).catch(() => {})
  return file
}

export const take = (file: string): Promise<() => Promise<void>> => lock(file, { retries })

const locked = async <A>(file: string, section: () => Promise<A>): Promise<A> => {
  const release = await take(file)
  try {
    return await section()
  } finally {
    await release()
  }
}

export const load = async (file: string): Promise<Flags> => JSON.parse(await readFile(file, "utf8"))

const write = (file: string, flags: Flags): Promise<void> => writeFileAtomic(file, JSON.stringify(flags))

export type TryAcquire = (file: string, key: string) => Promise<boolean>

/** As many do it, and what looks right: whoever loads has the lock, and whoever writes has it. */
export const separately: TryAcquire = async (file, key) => {
  const flags = await locked(file, () => load(file))
  if (flags[key] === true) return false
  await locked(file, () => write(file, { ...flags, [key]: true }))
  return true
}

/** The lock is held from the load to the write. */
export const together: TryAcquire = (file, key) =>
  locked(file, async () => {
    const flags = await load(file)
    if (flags[key] === true) return false
    await write(file, { ...flags, [key]: true })
    return true
  })
