/** Finds suites. */
import { globSync } from "node:fs"
import { join, relative } from "node:path"
import { pathToFileURL } from "node:url"
import type * as Suite from "@holdfast/sim/Suite"
import { printed } from "./texts.ts"

/** The suites of this workspace. */
export const workspaceSuites = join(import.meta.dirname, "../../../packages/*/sim/*.sim.ts")

/** A list of anything. */
interface Found {
  readonly suites: ReadonlyArray<unknown>
}

const isFound = (module: unknown): module is Found =>
  typeof module === "object" && module !== null && "suites" in module && Array.isArray(module.suites)

const isSuite = (value: unknown): value is Suite.Suite =>
  typeof value === "object" &&
  value !== null &&
  "name" in value &&
  typeof value.name === "string" &&
  "guarantees" in value &&
  Array.isArray(value.guarantees) &&
  "campaign" in value &&
  typeof value.campaign === "function" &&
  "replay" in value &&
  typeof value.replay === "function"

const load = async (file: string): Promise<ReadonlyArray<Suite.Suite>> => {
  const name = relative(process.cwd(), file)
  const module: unknown = await import(pathToFileURL(file).href).catch((cause: unknown) => {
    throw new Error(`${name} cannot be loaded: ${printed(cause)}`, { cause })
  })
  if (!isFound(module)) {
    throw new Error(`${name} must export its suites: export const suites = [Suite.make(…)]`)
  }
  return module.suites.map((suite, index) => {
    if (isSuite(suite)) return suite
    throw new Error(`${name}: suites[${index}] is no suite: what Suite.make gives is one`)
  })
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
  if (found.size === 0) throw new Error(`there are no suites: every list is empty in files like ${pattern}`)
  return Array.from(found.values())
}
