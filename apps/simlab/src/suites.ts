/** Finds the suites of this workspace. */
import { globSync } from "node:fs"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { Suite } from "@holdfast/sim"

export const root = join(import.meta.dirname, "../../..")

const pattern = "packages/*/sim/*.sim.ts"

interface Found {
  readonly suites: ReadonlyArray<Suite.Suite>
}

const isFound = (module: unknown): module is Found =>
  typeof module === "object" && module !== null && "suites" in module && Array.isArray(module.suites)

/** Every suite, in the order of files and of their lists. Two of one name could not be told apart. */
export const findSuites = async (): Promise<ReadonlyArray<Suite.Suite>> => {
  const files = globSync(pattern, { cwd: root }).sort()
  const found: Array<Suite.Suite> = []
  for (const file of files) {
    const module: unknown = await import(pathToFileURL(join(root, file)).href)
    if (!isFound(module))
      throw new Error(`${file} must export its suites: export const suites = [Suite.make(…)]`)
    for (const suite of module.suites) {
      if (found.some(({ name }) => name === suite.name))
        throw new Error(`${file}: there are two suites "${suite.name}"`)
      found.push(suite)
    }
  }
  return found
}
