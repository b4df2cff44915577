/**
 * Batches of requests that nobody is left to answer.
 *
 * Effect keeps the batches that a `RequestResolver` still collects in a map of its own module. When a run is cut off, or
 * a host crashes, such a batch would stay there: requests of later runs would join it, and wait for ever.
 *
 * The fiber of a batch first waits for more requests, then takes the batch out of the map and answers it. What it does
 * after its wait is one function, which takes the batch out at once and returns the rest as an effect. Here it is called
 * for fibers that never run again, and the effect is dropped.
 */
import { Effect, Exit, type Fiber, Request, RequestResolver } from "effect"

type Continuation = (value: unknown) => unknown

/** What a fiber does last of all, when that is a function. */
const lastStep = (fiber: Fiber.Fiber<unknown, unknown>): Continuation | undefined => {
  const stack: unknown = Reflect.get(fiber, "_stack")
  const frame: unknown = Array.isArray(stack) ? stack[0] : undefined
  const step: unknown =
    typeof frame === "object" && frame !== null ? Reflect.get(frame, "payload") : undefined
  // house: a function that Effect calls with one value
  return typeof step === "function" ? (step as Continuation) : undefined
}

class Nothing extends Request.Class<object, void> {}

/** The text of that function, seen in a batch made for it. */
const learn = (): string | undefined => {
  let text: string | undefined
  const look = Effect.withFiber((fiber) => {
    text = lastStep(fiber)?.toString()
    return Effect.void
  })
  const resolver = RequestResolver.make<Nothing>((entries) =>
    Effect.sync(() => {
      for (const entry of entries) entry.completeUnsafe(Exit.void)
    })
  )
  // house: a batch that ends at once, and has no services
  Effect.runSync(Effect.request(new Nothing(), RequestResolver.setDelayEffect(resolver, look)))
  return text
}

let known: string | undefined

/** Forgets the batches that these fibers collect. None of them may run again. */
export const forgetBatches = (fibers: ReadonlyArray<Fiber.Fiber<unknown, unknown>>): void => {
  if (fibers.length === 0) return
  known ??= learn()
  for (const fiber of fibers) {
    const step = lastStep(fiber)
    if (step !== undefined && step.toString() === known) step(undefined)
  }
}
