/** What the processes of a machine do with a store, and what they see of it. */
import { Lock, OutcomeUnknown, StateStore } from "@holdfast/core"
import { Check, type Host, Linearizability } from "@holdfast/sim"
import { Effect, Result } from "effect"
import * as fc from "fast-check"

/** What a client does, `afterMillis` after the one before. */
export type Step = { readonly key: string; readonly afterMillis: number } & (
  | { readonly _tag: "Add"; readonly amount: number }
  | { readonly _tag: "Read" }
  /** Reads by a decision that leaves things as they are. */
  | { readonly _tag: "Look" }
  /** Holds the lock of the key for a time, and adds under it. */
  | { readonly _tag: "Section"; readonly amount: number; readonly forMillis: number }
  /** Adds under the fence of a lease that it does not have any more. */
  | { readonly _tag: "AddLate"; readonly amount: number }
)

const key = fc.constantFrom("a", "a", "a", "B/é")
const amount = fc.integer({ min: 1, max: 3 })

export const step: fc.Arbitrary<Step> = fc
  .tuple(
    fc.record({ key, afterMillis: fc.constantFrom(0, 0, 1, 20) }),
    fc.oneof(
      fc.record({ _tag: fc.constant("Add" as const), amount }),
      fc.record({ _tag: fc.constant("Read" as const) }),
      fc.record({ _tag: fc.constant("Look" as const) }),
      fc.record({
        _tag: fc.constant("Section" as const),
        amount,
        forMillis: fc.constantFrom(0, 1, 30, 3000)
      }),
      fc.record({ _tag: fc.constant("AddLate" as const), amount })
    )
  )
  .map(([when, what]) => ({ ...when, ...what }))

export const keys: ReadonlyArray<string> = ["a", "B/é"]

type Input = Linearizability.CounterInput & { readonly key: string }

const numberIn = (stored: StateStore.Stored | undefined): number => Number(stored?.value ?? "0")

type Decide = (stored: StateStore.Stored | undefined) => Result.Result<StateStore.Decision<number>>

const adding =
  (amount: number): Decide =>
  (stored) => {
    const result = numberIn(stored) + amount
    return Result.succeed({ _tag: "Write", value: String(result), schemaVersion: 1, result })
  }

const looking: Decide = (stored) => Result.succeed({ _tag: "Keep", result: numberIn(stored) })

interface Holder {
  readonly host: Host.Host
  readonly incarnation: number
}

const didNotHappen = (error: unknown): "failed" | "unknown" =>
  error instanceof OutcomeUnknown ? "unknown" : "failed"

/** What a step may fail with when the disk does. Anything else is a bug. */
type StepError = StateStore.TransactError | Lock.AcquireError

/** Sees all that the processes see, and outlives them. */
export class Witness {
  private readonly recorder: Linearizability.Recorder<number, Input, number>
  /** The highest that was given, and that of the last section that has ended, for each key. */
  private readonly fences = new Map<string, number>()
  private readonly old = new Map<string, Lock.Fence>()
  private readonly holders = new Map<string, Holder>()
  /** What was acknowledged. */
  private readonly added = new Map<string, number>()

  private constructor(recorder: Linearizability.Recorder<number, Input, number>) {
    this.recorder = recorder
  }

  static make: Effect.Effect<Witness> = Effect.map(
    Linearizability.recorder(Linearizability.keyed<number, Input, number>(Linearizability.counter), {
      classify: didNotHappen
    }),
    (recorder) => new Witness(recorder)
  )

  take(host: Host.Host, step: Step): Effect.Effect<void, never, Lock.Lock | StateStore.StateStore> {
    // Nothing flips a bit here: what cannot be read was torn.
    const isWhole = (error: StepError | undefined) =>
      Check.always("LS-2", error?._tag !== "StateCorrupted", () => `${step._tag} of "${step.key}": ${error}`)
    return Effect.andThen(
      Effect.sleep(step.afterMillis),
      Effect.matchEffect(this.dare(host, step), { onSuccess: () => isWhole(undefined), onFailure: isWhole })
    )
  }

  read(client: string, key: string): Effect.Effect<number, StateStore.ReadError, StateStore.StateStore> {
    return this.recorder.record(
      client,
      { _tag: "Read", key },
      Effect.flatMap(StateStore.StateStore, (store) => Effect.map(store.read(key), numberIn))
    )
  }

  /** Whether all that was seen can be explained, by somebody who has read every key last. */
  get judgement(): Effect.Effect<void> {
    // What has failed is not among it: it has not happened, or there is no such order.
    return Effect.flatMap(this.recorder.verdict(), (verdict) =>
      Check.judged(
        ["LS-3", "LS-4"],
        verdict._tag === "Linearizable"
          ? undefined
          : { guarantee: "LS-3", problem: Linearizability.render(verdict) }
      )
    )
  }

  /** What was acknowledged is there. */
  kept(key: string, found: number): Effect.Effect<void> {
    const added = this.added.get(key) ?? 0
    return Check.always("LS-1", found >= added, () => `"${key}" is ${found}, and ${added} were acknowledged`)
  }

  private dare(
    host: Host.Host,
    step: Step
  ): Effect.Effect<unknown, StepError, Lock.Lock | StateStore.StateStore> {
    const { key } = step
    switch (step._tag) {
      case "Read":
        return this.read(host.name, key)
      case "Look":
        return this.transact(host.name, { _tag: "Read", key }, looking, undefined)
      case "Add":
        return this.add(host.name, key, step.amount, undefined)
      case "AddLate":
        return this.addLate(host.name, key, step.amount)
      case "Section":
        return Lock.withLease(key, (lease) => this.inside(host, step, lease))
    }
  }

  private transact(client: string, input: Input, decide: Decide, fence: Lock.Fence | undefined) {
    return this.recorder.record(
      client,
      input,
      Effect.flatMap(StateStore.StateStore, (store) => store.transact(input.key, decide, { fence }))
    )
  }

  private add(client: string, key: string, amount: number, fence: Lock.Fence | undefined) {
    return Effect.tap(this.transact(client, { _tag: "Add", key, amount }, adding(amount), fence), () =>
      Effect.sync(() => this.added.set(key, (this.added.get(key) ?? 0) + amount))
    )
  }

  private addLate(client: string, key: string, amount: number) {
    return Effect.suspend(() => {
      const fence = this.old.get(key)
      const current = this.fences.get(key) ?? 0
      const isRefused = fence !== undefined && fence < current
      return Effect.tap(this.add(client, key, amount, fence), () =>
        Check.always("LK-5", !isRefused, () => `"${key}" was written under ${fence}, after ${current}`)
      )
    })
  }

  private inside(
    host: Host.Host,
    { amount, forMillis, key }: Extract<Step, { readonly _tag: "Section" }>,
    { fence }: Lock.Lease
  ) {
    return Effect.gen({ self: this }, function* () {
      const highest = this.fences.get(key) ?? 0
      yield* Check.always("LK-2", fence > highest, () => `fence ${fence} of "${key}" came after ${highest}`)
      this.fences.set(key, fence)
      const holder = this.holders.get(key)
      const isAlone = holder === undefined || (yield* holder.host.incarnation) !== holder.incarnation
      yield* Check.always("LK-1", isAlone, () => `${holder?.host.name} is inside of "${key}" as well`)
      this.holders.set(key, { host, incarnation: yield* host.incarnation })
      yield* Effect.sleep(forMillis)
      const isHeld = this.fences.get(key) === fence
      yield* Check.always("LK-4", isHeld, () => `${host.name} lost "${key}" under ${fence}, and was alive`)
      yield* Effect.tapErrorTag(this.add(host.name, key, amount, fence), "Fenced", (error) =>
        Check.violated("LK-4", error.message)
      )
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          this.holders.delete(key)
          this.old.set(key, fence)
        })
      )
    )
  }
}
