/** Finds suites. */
import { globSync } from "node:fs"
import { join, relative } from "node:path"
import { pathToFileURL } from "node:url"
import type * as Suite from "@holdfast/sim/Suite"

/** The suites of this workspace. */
export const workspaceSuites = join(import.meta.dirname, "../../../packages/*/sim/*.sim.ts")

interface Found {
  readonly suites: ReadonlyArray<Suite.Suite>
}

const isFound = (module: unknown): module is Found =>
  typeof module === "object" && module !== null && "suites" in module && Array.isArray(module.suites)

const load = async (file: string): Promise<ReadonlyArray<Suite.Suite>> => {
  const name = relative(process.cwd(), file)
  const module: unknown = await import(pathToFileURL(file).href).catch((cause: unknown) => {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause)
    throw new Error(`${name} cannot be loaded: ${text}`, { cause })
  })
  if (isFound(module)) return module.suites
  throw new Error(`${name} must export its suites: export const suites = [Suite.make(…)]`)
}

/** Every suite, in the order of files and of their lists. Two of one name could not be told apart. */
export const findSuites = async (pattern: string): Promise<ReadonlyArray<Suite.Suite>> => {
  const files = globSync(pattern).sort()
  if (files.length === 0) throw new Error(`there are no suites: no file is like ${pattern}`)
  const found = new Map<string, Suite.Suite>()
  for (const file of files) {
    for (const suite of await load(file)) {
      if (found.has(suite.name)) {
        throw new Error(`${relative(process.cwd(), file)}: another suite is named "${suite.name}" too`)
      }
      found.set(suite.name, suite)
    }
  }
  return Array.from(found.values())
}
