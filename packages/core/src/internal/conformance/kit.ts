/** What the cases of the conformance suite are written with. */
import { Cause, Context, type Duration, Effect, Exit, type Fiber, Result, Scope, Stream } from "effect"
import { type Lease, Lock, type Options } from "../../Lock.ts"
import type { Failure, Instance, Subject } from "../../StateConformance.ts"
import { type Decision, StateStore, type Stored } from "../../StateStore.ts"
import { Current, limit, toNanos } from "../limit.ts"

export type Ability = "shared" | "kept" | "doomed" | "corrupt" | "aside" | "failing"

/** One case. What its body fails with, expected or not, is what is wrong. */
export interface Check {
  readonly name: string
  readonly guarantees: ReadonlyArray<string>
  readonly needs: ReadonlyArray<Ability>
  readonly body: (world: World) => Effect.Effect<void, unknown, Scope.Scope>
}

/** A store and its locks, as a case uses them. */
export interface Process {
  readonly store: StateStore["Service"]
  readonly lock: Lock["Service"]
}

/** The place that a case has to itself. */
export interface World {
  readonly open: Effect.Effect<Process, unknown, Scope.Scope>
  /** One that can be killed; a case that uses it needs the ability. */
  readonly openDoomed: Effect.Effect<Process & { readonly kill: Effect.Effect<void> }, unknown, Scope.Scope>
  readonly corrupt: (key: string) => Effect.Effect<void, unknown>
  readonly isThere: (aside: string) => Effect.Effect<boolean, unknown>
  readonly failAt: (nth: number, failure: Failure) => Effect.Effect<void, unknown>
}

export const check = (
  name: string,
  guarantees: ReadonlyArray<string>,
  body: Check["body"],
  needs: ReadonlyArray<Ability> = []
): Check => ({ name, guarantees, needs, body })

// -----------------------------------------------------------------------------
// Running
// -----------------------------------------------------------------------------

/** What is wrong, in words. */
class Problem {
  readonly _tag = "Problem"
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

const violated = (text: string): Effect.Effect<never, Problem> => Effect.fail(new Problem(text))

export const expect = (holds: boolean, text: string | (() => string)): Effect.Effect<void, Problem> =>
  holds ? Effect.void : Effect.suspend(() => violated(typeof text === "string" ? text : text()))

/** Two values are the same: texts, numbers, and lists of them. */
export const expectEqual = (what: string, found: unknown, expected: unknown): Effect.Effect<void, Problem> =>
  expect(
    JSON.stringify(found) === JSON.stringify(expected),
    () => `${what} is ${inWords(found)}, not ${inWords(expected)}`
  )

const inWords = (value: unknown): string => {
  const text = value === undefined ? "nothing" : (JSON.stringify(value) ?? String(value))
  return text.length > 300 ? `${text.slice(0, 300)}… (${text.length} characters)` : text
}

const problemOf = (cause: Cause.Cause<unknown>): string => {
  const problem = cause.reasons.find(Cause.isFailReason)?.error
  return problem instanceof Problem ? problem.text : `it ended with ${Cause.pretty(cause)}`
}

const processOf = (instance: Instance): Process => ({
  store: Context.get(instance, StateStore),
  lock: Context.get(instance, Lock)
})

const lacking = Effect.die(new Error("the case does not say that it needs this"))

const worldOf = <P>(subject: Subject<P>, place: P): World => ({
  open: Effect.map(
    Effect.suspend(() => subject.open(place)),
    processOf
  ),
  openDoomed: Effect.map(
    Effect.suspend(() => subject.openDoomed?.(place) ?? lacking),
    ({ instance, kill }) => ({ ...processOf(instance), kill })
  ),
  corrupt: (key) => Effect.suspend(() => subject.corrupt?.(place, key) ?? lacking),
  isThere: (aside) => Effect.suspend(() => subject.isThere?.(place, aside) ?? lacking),
  failAt: (nth, failure) => Effect.suspend(() => subject.failAt?.(place, nth, failure) ?? lacking)
})

/** Runs a case in a place of its own; one that hangs is left behind when its time is up. */
export const runCheck = <P, E>(
  { body }: Check,
  subject: Subject<P>,
  patience: Duration.Duration,
  violation: (problem: string) => E
): Effect.Effect<void, E> => {
  const all = Effect.flatMap(subject.place, (place) => body(worldOf(subject, place)))
  const bounded = limit(Effect.provideService(Effect.scoped(all), Current, undefined), {
    label: "conformance",
    budgetNanos: toNanos(patience),
    inherit: false,
    expired: ({ budgetMillis }) => new Problem(`it had not ended after ${budgetMillis} ms`)
  })
  return Effect.catchCause(bounded, (cause) => Effect.fail(violation(problemOf(cause))))
}

// -----------------------------------------------------------------------------
// Decisions
// -----------------------------------------------------------------------------

type Decided<A> = Result.Result<Decision<A>>

export const put =
  (value: string, schemaVersion = 1) =>
  (_current: Stored | undefined): Decided<string> =>
    Result.succeed({ _tag: "Write", value, schemaVersion, result: value })

export const keep = (current: Stored | undefined): Decided<string | undefined> =>
  Result.succeed({ _tag: "Keep", result: current?.value })

/** Counts, and says how far it has come. */
export const increment = (current: Stored | undefined): Decided<number> => {
  const next = Number(current?.value ?? "0") + 1
  return Result.succeed({ _tag: "Write", value: String(next), schemaVersion: 1, result: next })
}

/** Writes a word behind those that are there: whatever was written stays visible. */
export const append =
  (word: string | number) =>
  (current: Stored | undefined): Decided<void> =>
    Result.succeed({
      _tag: "Write",
      value: current === undefined ? `${word}` : `${current.value} ${word}`,
      schemaVersion: 1,
      result: undefined
    })

export const wordsIn = (stored: Stored | undefined): ReadonlyArray<string> => stored?.value.split(" ") ?? []

/** All that a value is stored with. */
export const fieldsOf = (stored: Stored | undefined) =>
  stored && [stored.value, stored.version, stored.fence, stored.schemaVersion, stored.writtenAtMillis]

// -----------------------------------------------------------------------------
// Effects
// -----------------------------------------------------------------------------

/** Time in which something can happen that must not. */
export const aWhile: Effect.Effect<void> = Effect.sleep("40 millis")

/** Begins at once: what it does without waiting is done when this ends. */
export const begin = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(effect, { startImmediately: true })

export const all = <A, E, R>(effects: Iterable<Effect.Effect<A, E, R>>) =>
  Effect.all(effects, { concurrency: "unbounded" })

/** The error of what must fail. */
export const errorOf = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<E, Problem, R> =>
  Effect.matchEffect(effect, {
    onFailure: Effect.succeed,
    onSuccess: (value) => violated(`what must fail has succeeded with ${inWords(value)}`)
  })

/** The tag of the error, or what came instead of one. */
export const tagOf = <A, E extends { readonly _tag: string }, R>(
  effect: Effect.Effect<A, E, R>
): Effect.Effect<string, never, R> =>
  Effect.map(Effect.exit(effect), (exit) => {
    if (Exit.isSuccess(exit)) return "success"
    const error = exit.cause.reasons.find(Cause.isFailReason)?.error
    return error?._tag ?? (Cause.hasInterrupts(exit.cause) ? "an interruption" : "a defect")
  })

/** Runs a section under the lock of a key. */
export const locked = <A, E, R>(
  { lock }: Process,
  key: string,
  section: (lease: Lease) => Effect.Effect<A, E, R>,
  options?: Options
) => Effect.scopedWith((scope) => Effect.flatMap(Scope.provide(lock.acquire(key, options), scope), section))

/** Holds the lock of a key until it is told to let go, or the case ends. */
export const held = ({ lock }: Process, key: string, options?: Options) =>
  Effect.gen(function* () {
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const lease = yield* Scope.provide(lock.acquire(key, options), scope)
    return { lease, letGo: Scope.close(scope, Exit.void) }
  })

/** Opens a store that can be closed before the case ends. */
export const apart = ({ open }: World) =>
  Effect.gen(function* () {
    const scope = yield* Effect.acquireRelease(Scope.make(), (scope) => Scope.close(scope, Exit.void))
    const process = yield* Scope.provide(open, scope)
    return { ...process, close: Scope.close(scope, Exit.void) }
  })

/** What must still wait. */
export const expectWaiting = (what: string, fiber: Fiber.Fiber<unknown, unknown>) =>
  expect(fiber.pollUnsafe() === undefined, `${what} has not waited`)

/** Nothing and nobody has the key: one try is enough. */
export const expectFree = (process: Process, after: string, key: string) =>
  Effect.flatMap(tagOf(locked(process, key, () => Effect.void, { wait: 0 })), (tag) =>
    expect(tag === "success", `after ${after} the key is not free: trying once ended with ${tag}`)
  )

export const expectIncreasing = (fences: ReadonlyArray<number>) =>
  expect(
    fences.every((fence, index) => fence > (fences[index - 1] ?? 0)),
    () => `the fences were ${fences.join(", ")}`
  )

export const listed = ({ store }: Process, prefix: string) =>
  Effect.map(Stream.runCollect(store.keys(prefix)), (found) => Array.from(found))
