/** Whether the pages of a database fit together. */
import type { DatabaseSync } from "node:sqlite"
import { isCorrupt } from "./failure.ts"

/** What is wrong in one row does no harm to others, and is found by its checksum. */
const isOfRow = (problem: unknown): boolean =>
  typeof problem === "string" && /^(NULL|TEXT|NUMERIC) value in /.test(problem)

/**
 * Where pages overlap, or one is used twice, writing one row spoils others. SQLite does not look for that by itself; it
 * takes a second for a gigabyte.
 */
export const isSound = (handle: DatabaseSync): boolean => {
  try {
    const problems = handle.prepare("PRAGMA integrity_check(1000)").all()
    return problems.every(({ integrity_check: problem }) => problem === "ok" || isOfRow(problem))
  } catch (error) {
    if (!isCorrupt(error)) throw error
    return false
  }
}
