/** What the clients of a value do, drawn and in words. */
import * as fc from "fast-check"
import type { Conditions, Course } from "./stateMachine.ts"
import { lengthOf, words } from "./time.ts"

export interface Step {
  /**
   * - `get`: reads. `look`: reads by a change that changes nothing.
   * - `swap`: a plain change. `effect`: one that takes its time. `throws`: one that is a bug.
   * - `set`: compares and sets, with what it has just read.
   * - `late`: a change with the fence of a lease that it had a while ago.
   */
  readonly what: "get" | "look" | "swap" | "effect" | "set" | "late" | "throws"
  readonly key: "a" | "b"
  /** The pause before it. */
  readonly afterNanos: number
  readonly workNanos: number
  readonly end: "done" | "fails" | "dies"
  readonly waitNanos: number | undefined
  readonly deadlineNanos: number
  readonly interruptNanos: number | undefined
}

/** A process is killed, and perhaps starts again; or it stands still for a while. */
export interface Blow {
  readonly process: number
  readonly afterNanos: number
  readonly kind: "kill" | "restart" | "pause"
  readonly forNanos: number
}

export interface Workload {
  readonly conditions: Conditions
  /** For each process, what each of its clients does. */
  readonly processes: ReadonlyArray<ReadonlyArray<ReadonlyArray<Step>>>
  readonly blows: ReadonlyArray<Blow>
}

const sometimes = <A>(arbitrary: fc.Arbitrary<A>, weight: number): fc.Arbitrary<A | undefined> =>
  fc.oneof({ weight: 10, arbitrary: fc.constant(undefined) }, { weight, arbitrary })

const stepOf = (unit: number): fc.Arbitrary<Step> =>
  fc.record({
    what: fc.constantFrom(
      "get" as const,
      "look" as const,
      "swap" as const,
      "swap" as const,
      "swap" as const,
      "effect" as const,
      "effect" as const,
      "set" as const,
      "late" as const,
      "throws" as const
    ),
    key: fc.constantFrom("a" as const, "a" as const, "a" as const, "b" as const),
    afterNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    workNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    end: fc.constantFrom(
      "done" as const,
      "done" as const,
      "done" as const,
      "fails" as const,
      "dies" as const
    ),
    waitNanos: sometimes(fc.oneof(fc.constant(0), lengthOf(2 * unit)), 4),
    deadlineNanos: sometimes(lengthOf(3 * unit), 4).map((nanos) => nanos ?? Number.POSITIVE_INFINITY),
    interruptNanos: sometimes(lengthOf(unit), 4)
  })

const courseOf = (unit: number): fc.Arbitrary<Course> =>
  fc.record({
    beforeNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    isBusy: fc.constantFrom(false, false, false, true),
    middleNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    end: fc.constantFrom(
      "done" as const,
      "done" as const,
      "done" as const,
      "done" as const,
      "full" as const,
      "unreadable" as const,
      "unknown, and done" as const,
      "unknown, and not done" as const
    ),
    afterNanos: fc.oneof(fc.constant(0), lengthOf(unit))
  })

const brief = (unit: number): fc.Arbitrary<number> => fc.oneof(fc.constant(0), lengthOf(unit))

const conditionsOf = (unit: number): fc.Arbitrary<Conditions> =>
  fc.record({
    courses: fc.array(courseOf(unit), { maxLength: 16 }),
    commitNanos: fc.constantFrom(0, 0, unit),
    commits: fc.constantFrom("locking" as const, "optimistic" as const),
    readNanos: brief(unit),
    lockNanos: brief(unit),
    unlockNanos: brief(unit),
    hintNanos: fc.constantFrom(undefined, undefined, 5e6),
    documents: fc.constantFrom("one" as const, "each" as const)
  })

const blowOf = (unit: number): fc.Arbitrary<Blow> =>
  fc.record({
    process: fc.nat(2),
    afterNanos: lengthOf(2 * unit),
    kind: fc.constantFrom("kill" as const, "restart" as const, "pause" as const),
    forNanos: lengthOf(20 * unit)
  })

/** A disk takes a millisecond for a commit, and so does what is between two tries. */
const unit = 1e6

export const workload = (processes: number, blows: number): fc.Arbitrary<Workload> =>
  fc.record({
    conditions: conditionsOf(unit),
    processes: fc.array(
      fc.array(fc.array(stepOf(unit), { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
      { minLength: 1, maxLength: processes }
    ),
    blows: fc.array(blowOf(unit), { maxLength: blows })
  })

/** Where nothing goes wrong, and each operation takes up to two milliseconds. */
export const healthy: fc.Arbitrary<Conditions> = fc
  .tuple(
    fc.array(fc.constantFrom(0, 0, 200_000, unit, 2 * unit), { minLength: 4, maxLength: 4 }),
    fc.constantFrom("locking" as const, "optimistic" as const),
    fc.constantFrom("one" as const, "each" as const)
  )
  .map(([[commitNanos = 0, readNanos = 0, lockNanos = 0, unlockNanos = 0], commits, documents]) => ({
    courses: [],
    commitNanos,
    commits,
    readNanos,
    lockNanos,
    unlockNanos,
    documents
  }))

const describeStep = (step: Step): string => {
  const { afterNanos, deadlineNanos, end, interruptNanos, key, waitNanos, what, workNanos } = step
  return (
    `${what} ${key}` +
    `${afterNanos === 0 ? "" : ` after ${words(afterNanos)}`}` +
    `${workNanos === 0 ? "" : ` for ${words(workNanos)}`}` +
    `${end === "done" ? "" : `, which ${end}`}` +
    `${waitNanos === undefined ? "" : `, waits ${words(waitNanos)}`}` +
    `${deadlineNanos === Number.POSITIVE_INFINITY ? "" : `, within ${words(deadlineNanos)}`}` +
    `${interruptNanos === undefined ? "" : `, interrupted after ${words(interruptNanos)}`}`
  )
}

const describeCourse = ({ afterNanos, beforeNanos, end, isBusy, middleNanos }: Course): string =>
  `${isBusy === true ? "busy" : end} (${[beforeNanos, middleNanos, afterNanos].map(words).join(", ")})`

export const describeConditions = (conditions: Conditions): string => {
  const { commitNanos, commits, courses, documents, hintNanos, lockNanos, readNanos, unlockNanos } =
    conditions
  return (
    `${commits} commits of ${documents === "one" ? "one document" : "a document for each key"}: ` +
    `${courses.map(describeCourse).join("; ")}; others take ${words(commitNanos)}, reads ${words(readNanos)}, locks ${words(lockNanos)} and ` +
    `${words(unlockNanos)}${hintNanos === undefined ? "" : `, hints each ${words(hintNanos)}`}`
  )
}

export const describe = ({ blows, conditions, processes }: Workload): string =>
  [
    describeConditions(conditions),
    ...processes.flatMap((clients, process) =>
      clients.map((steps, client) => `p${process}.${client}: ${steps.map(describeStep).join("; ")}`)
    ),
    ...blows.map(
      ({ afterNanos, forNanos, kind, process }) =>
        `${kind} p${process} after ${words(afterNanos)}, for ${words(forNanos)}`
    )
  ].join("\n")
