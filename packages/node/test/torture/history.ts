/** What must be true of a ledger and its leases, whoever has died. */
import { Cause, Option, Predicate } from "effect"
import { type Ledger, paddingOf } from "./ledger.ts"
import type { Told } from "./messages.ts"

export type Kind =
  /** An acknowledged change is not there. */
  | "lost"
  /** A change is there that nobody made. */
  | "invented"
  /** The value is none that was ever written. */
  | "torn"
  /** Two had the lock at the same time. */
  | "overlap"
  /** A fence does not come after those before it. */
  | "fence"
  /** The lock of a dead process was not free in time. */
  | "late"
  /** Nothing happened any more. */
  | "stuck"
  /** A file of a dead writer is still there. */
  | "left"
  /** An operation failed that must not. */
  | "failed"

export interface Violation {
  readonly kind: Kind
  readonly text: string
}

/** The tag of what went wrong, or that it is none of the errors that can. */
export const tagOf = (cause: Cause.Cause<unknown>): string => {
  const error = Option.getOrUndefined(Cause.findErrorOption(cause))
  return Predicate.hasProperty(error, "_tag") ? String(error._tag) : "defect"
}

export const failure = (who: string, error: string, text: string): Violation => ({
  kind: error === "StateCorrupted" ? "torn" : error === "LockTimeout" ? "late" : "failed",
  text: `${who}: ${text}`
})

/** What is known of a worker. */
export interface Writer {
  readonly name: string
  readonly acknowledged: number
  /** Changes of which it is not known whether they are there: at most so many. */
  readonly doubtful: number
}

export const writerOf = (name: string, told: ReadonlyArray<Told>, hasDied: boolean): Writer => ({
  name,
  acknowledged: told.filter(({ tag }) => tag === "changed").length,
  doubtful:
    (hasDied ? 1 : 0) + told.filter((line) => line.tag === "failed" && line.error === "OutcomeUnknown").length
})

export const checkValue = ({ counts, padding, total }: Ledger, version: number): ReadonlyArray<Violation> => [
  ...(padding === paddingOf(total)
    ? []
    : [{ kind: "torn", text: `the padding of change ${total} is that of another one` } as const]),
  ...(version === total && Object.values(counts).reduce((sum, count) => sum + count, 0) <= total
    ? []
    : [{ kind: "torn", text: `version ${version} has the value of change ${total}` } as const])
]

export const checkCounts = ({ counts }: Ledger, writers: ReadonlyArray<Writer>): ReadonlyArray<Violation> => [
  ...writers.flatMap(({ acknowledged, doubtful, name }): ReadonlyArray<Violation> => {
    const count = counts[name] ?? 0
    if (count < acknowledged) {
      return [{ kind: "lost", text: `${name} was told of ${acknowledged} changes, and ${count} are there` }]
    }
    return count <= acknowledged + doubtful
      ? []
      : [{ kind: "invented", text: `${name} made ${acknowledged} changes, and ${count} are there` }]
  }),
  ...Object.keys(counts)
    .filter((name) => writers.every((writer) => writer.name !== name))
    .map((name): Violation => ({ kind: "invented", text: `there are changes of ${name}, who is not there` }))
]

/** A time in which a worker had the lock, at least. */
export interface Hold {
  readonly name: string
  readonly fence: number
  readonly fromMillis: number
  readonly toMillis: number
}

/** A hold whose end was not told ends with its worker. */
export const holdsOf = (name: string, told: ReadonlyArray<Told>, endMillis: number): ReadonlyArray<Hold> =>
  told.flatMap((line, index) => {
    if (line.tag !== "held") return []
    const end = told.slice(index + 1).find((later) => later.tag === "freed" || later.tag === "held")
    const toMillis = end?.tag === "freed" ? end.at : endMillis
    return [{ name, fence: line.fence, fromMillis: line.at, toMillis }]
  })

/** In the order of time no two are there at once, and each has a higher fence than all before it. */
export const checkHolds = (holds: ReadonlyArray<Hold>, lastFence: number): ReadonlyArray<Violation> => {
  const violations: Array<Violation> = []
  let fence = lastFence
  let before: Hold | undefined
  for (const hold of holds.toSorted((one, other) => one.fromMillis - other.fromMillis)) {
    if (before !== undefined && hold.fromMillis < before.toMillis) {
      const millis = (before.toMillis - hold.fromMillis).toFixed(2)
      violations.push({
        kind: "overlap",
        text: `${hold.name} had the lock ${millis} ms before ${before.name} let go`
      })
    }
    if (hold.fence <= fence) {
      violations.push({ kind: "fence", text: `${hold.name} was given fence ${hold.fence} after ${fence}` })
    }
    fence = Math.max(fence, hold.fence)
    before = hold
  }
  return violations
}
