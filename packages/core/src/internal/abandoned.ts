/** The register of abandoned work: interrupted because its time was over, and not yet ended. */
import { Clock, Context, Effect, type Fiber, Metric } from "effect"
import type { Caller } from "./timer.ts"

/** One piece of abandoned work. */
export interface AbandonedWork {
  readonly label: string
  /** When it was abandoned, in milliseconds since the Unix epoch. */
  readonly sinceMillis: number
}

export interface Register {
  readonly works: Set<AbandonedWork>
  /** Called each time that the last work has ended. */
  readonly onEmpty: Set<() => void>
}

export const makeRegister = (): Register => ({ works: new Set(), onEmpty: new Set() })

export const Register: Context.Reference<Register> = Context.Reference<Register>(
  "@holdfast/core/Deadline/Abandoned",
  { defaultValue: makeRegister }
)

const abandonedTotal = Metric.counter("holdfast_deadline_abandoned", {
  description: "Work that was interrupted at its deadline and had not ended when its caller went on",
  incremental: true
})

/**
 * Interrupts `work`; what does not end at once is entered in the register of `caller` until it does.
 *
 * The entry does not hold the fiber, so that work which nobody can wake any more can still be collected.
 */
export const abandon = (caller: Caller, work: Fiber.Fiber<unknown, unknown>, label: string): void => {
  // Taken first: a finalizer of the work may end the caller.
  const { context, id } = caller
  work.interruptUnsafe(id)
  if (work.pollUnsafe() !== undefined) return
  const { onEmpty, works } = Context.get(context, Register)
  const clock = Context.get(context, Clock.Clock)
  const entry: AbandonedWork = { label, sinceMillis: clock.currentTimeMillisUnsafe() }
  works.add(entry)
  abandonedTotal.updateUnsafe(1, context)
  work.addObserver(() => {
    works.delete(entry)
    if (works.size === 0) for (const notify of onEmpty) notify()
  })
}

/** Ends when no abandoned work is left. */
export const awaitEmpty = (register: Register): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    if (register.works.size === 0) return resume(Effect.void)
    const notify = () => {
      register.onEmpty.delete(notify)
      resume(Effect.void)
    }
    register.onEmpty.add(notify)
    return Effect.sync(() => {
      register.onEmpty.delete(notify)
    })
  })
