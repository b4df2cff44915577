/** What a client does with a value, and what it makes of how that ends. */
import { Deadline, Lock, LockedState, StateStore } from "@holdfast/core"
import { Check } from "@holdfast/sim"
import { Cause, Clock, Context, Effect, Exit, Fiber, Result, Schema } from "effect"
import type { Life } from "./stateHosts.ts"
import type { Step } from "./stateSteps.ts"
import type { Input, Output, Witness } from "./stateWitness.ts"
import { sleepUntil, toDuration, wait } from "./time.ts"

const bug = new Error("bug")

/** Nothing is known of what it did. */
class Unknown {
  readonly _tag = "Unknown"
}

class Failed {
  readonly _tag = "Failed"
}

const define = (key: string) => LockedState.make(key, { schema: Schema.Number, initial: 0 })

type State = LockedState.LockedState<number>

const notDone: Output = { _tag: "NotDone" }
const interrupted: Output = { _tag: "Interrupted" }
const was = (value: number): Output => ({ _tag: "Was", value, version: undefined })
const is = (value: number, version: number | undefined): Output => ({ _tag: "Is", value, version })

/** What an end says about what was done. */
const outputOf = (exit: Exit.Exit<Output, { readonly _tag: string }>, isInterrupted: boolean) => {
  if (Exit.isSuccess(exit)) return Effect.succeed(exit.value)
  const { reasons } = exit.cause
  const error = reasons.find(Cause.isFailReason)?.error
  if (error !== undefined) {
    const isUnknown = error._tag === "OutcomeUnknown" || error._tag === "DeadlineExceeded"
    return Effect.andThen(
      Check.sometimes(`something ends with ${error._tag}`, true),
      isUnknown ? Effect.fail(new Unknown()) : Effect.succeed(notDone)
    )
  }
  const defects = reasons.filter(Cause.isDieReason).map(({ defect }) => defect)
  if (defects.length > 0 && defects.every((defect) => defect === bug)) return Effect.succeed(notDone)
  if (defects.length === 0 && isInterrupted) {
    return Effect.as(Check.sometimes("something is interrupted", true), interrupted)
  }
  return Effect.andThen(
    Check.violated("LS-4", `it ended with ${Cause.pretty(exit.cause)}`),
    Effect.fail(new Unknown())
  )
}

export class Client {
  private readonly name: string
  private readonly life: Life
  private readonly witness: Witness

  constructor(name: string, life: Life, witness: Witness) {
    this.name = name
    this.life = life
    this.witness = witness
  }

  run(steps: ReadonlyArray<Step>): Effect.Effect<void> {
    return Effect.forEach(
      steps,
      (step) => Effect.andThen(wait(step.afterNanos), Effect.ignore(this.take(step))),
      { discard: true }
    )
  }

  private take(step: Step): Effect.Effect<unknown, unknown> {
    const { instance } = this.life
    const { key } = step
    const options = step.waitNanos === undefined ? {} : { wait: toDuration(step.waitNanos) }
    return Effect.gen({ self: this }, function* () {
      const state = yield* define(key)
      const id = this.witness.nextId()
      switch (step.what) {
        case "get":
          return yield* this.get(state, step)
        case "look":
          return yield* this.perform(
            step,
            { _tag: "Read", key },
            Effect.map(
              state.modify((value) => [value, value], options),
              (value) => is(value, undefined)
            )
          )
        case "swap":
          return yield* this.perform(
            step,
            { _tag: "Swap", key, id },
            Effect.map(
              state.modify((value) => [value, id], options),
              was
            )
          )
        case "throws":
          return yield* this.perform(
            step,
            { _tag: "Swap", key, id },
            state.modify(() => {
              throw bug
            }, options)
          )
        case "effect":
          return yield* this.perform(
            step,
            { _tag: "Swap", key, id },
            Effect.map(
              state.modifyEffect(
                (value, fence) => Effect.as(this.section(step, fence), [value, id] as const),
                options
              ),
              was
            ).pipe(Effect.tapError(isNotLost))
          )
        case "set": {
          const before = yield* state.snapshot
          return yield* this.perform(
            step,
            { _tag: "Set", key, id, expected: before.version },
            Effect.map(
              state.compareAndSet(before, id, options),
              (hasSet): Output => ({ _tag: "Compared", hasSet })
            )
          )
        }
        case "late":
          return yield* this.late(step, id, options)
      }
    }).pipe(Effect.provideContext(instance))
  }

  private get(state: State, step: Step) {
    return this.perform(
      step,
      { _tag: "Read", key: step.key },
      Effect.map(state.snapshot, ({ value, version }) => is(value, version))
    )
  }

  /** Writes with the fence of a lease that has ended. */
  private late(step: Step, id: number, options: Lock.Options) {
    const { instance } = this.life
    const { key } = step
    const store = Context.get(instance, StateStore.StateStore)
    return Effect.gen({ self: this }, function* () {
      const { fence } = yield* Lock.withLease(
        key,
        (lease) => Effect.as(this.section({ ...step, end: "done" }, lease.fence), lease),
        options
      )
      yield* wait(step.workNanos)
      const isOld = this.witness.highest(key) > fence
      const write = Effect.map(store.transact(key, swap(id), { fence }), (value): Output => was(value))
      yield* Check.sometimes("an old fence writes", isOld)
      const output = yield* this.perform(step, { _tag: "Swap", key, id }, write)
      yield* Check.always(
        "LK-5",
        !isOld || output._tag !== "Was",
        () => `fence ${fence} of "${key}" has written, after ${this.witness.highest(key)} was given`
      )
    })
  }

  /** What is done under a lease. */
  private section({ end, key, workNanos }: Step, fence: number): Effect.Effect<void, Failed> {
    const { owner } = this.life
    return Effect.gen({ self: this }, function* () {
      yield* this.witness.enter(key, owner, fence)
      yield* wait(workNanos)
      if (end === "fails") return yield* Effect.fail(new Failed())
      return end === "dies" ? yield* Effect.die(bug) : undefined
    }).pipe(Effect.ensuring(Effect.sync(() => this.witness.leave(key, fence))))
  }

  /** Does it, within its deadline and until it is interrupted, and writes down what came of it. */
  private perform<E extends { readonly _tag: string }>(
    { deadlineNanos, interruptNanos }: Step,
    input: Input,
    effect: Effect.Effect<Output, E>
  ): Effect.Effect<Output, Unknown> {
    const bounded =
      deadlineNanos === Number.POSITIVE_INFINITY ? effect : Deadline.within(effect, toDuration(deadlineNanos))
    const all = Effect.gen(function* () {
      const start = Number(yield* Clock.monotonicTimeNanos)
      const fiber = yield* Effect.forkChild(bounded)
      let isInterrupted = false
      if (interruptNanos !== undefined) {
        const interrupt = Effect.sync(() => {
          isInterrupted = true
          fiber.interruptUnsafe()
        })
        yield* Effect.forkChild(Effect.andThen(sleepUntil(start + interruptNanos), interrupt))
      }
      const exit = yield* Fiber.await(fiber)
      // A deadline does not wait for a commit, also when an interruption does.
      const isCutOff = Number(yield* Clock.monotonicTimeNanos) >= start + deadlineNanos
      if (isInterrupted && isCutOff && Exit.hasInterrupts(exit)) return yield* Effect.fail(new Unknown())
      return yield* outputOf(exit, isInterrupted)
    })
    return this.witness.record(this.name, input, all)
  }
}

/** Nobody takes the lease of one who lives. */
const isNotLost = (error: { readonly _tag: string }) =>
  Check.always("LK-4", error._tag !== "Fenced", () => `a holder that lives has lost its lease: ${error}`)

const swap = (id: number) => (stored: StateStore.Stored | undefined) =>
  Result.succeed<StateStore.Decision<number>>({
    _tag: "Write",
    value: JSON.stringify(id),
    schemaVersion: 1,
    result: stored === undefined ? 0 : Number(stored.value)
  })
