/** One number for what a run did, to see that two processes did the same. */
import type * as Report from "@holdfast/sim/Report"

/** FNV-1a: Fowler, Noll, Vo, "The FNV Non-Cryptographic Hash Algorithm". */
const fnv = (text: string): number => {
  let hash = 0x811c9dc5
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return hash >>> 0
}

/** Of a run's number and the report of that run alone. Sums of these do not depend on the order of runs. */
export const hashOf = (
  run: number,
  { faults, hash, reached, repeated, steps, virtualMillis }: Report.Report
): number => fnv(JSON.stringify([run, hash, steps, virtualMillis, faults, reached, repeated]))

export const formatHash = (hash: number): string => hash.toString(16).padStart(8, "0")
