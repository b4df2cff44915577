/** Builds what many runs share. */
import { Effect, Fiber, Scheduler, type Scope } from "effect"
import { CurrentHost } from "../host.ts"

/**
 * Leaves everything to the scheduler of the host that a fiber is on.
 *
 * Layers hold on to the context that they are built in, and their handlers run in it, with its scheduler. One from
 * outside would take them out of the run.
 */
const ofTheHost: Scheduler.Scheduler = {
  executionMode: "sync",
  shouldYield: (fiber) => fiber.getRef(CurrentHost)?.scheduler.shouldYield(fiber) ?? false,
  makeDispatcher: () => {
    const host = Fiber.getCurrent()?.getRef(CurrentHost)
    if (host === undefined) throw new Error("what is built once for many runs cannot wait while it is built")
    return host.dispatcher
  }
}

/** Throws when the effect fails or waits. */
export const buildOnce = <A>(build: Effect.Effect<A, unknown, Scope.Scope>): A =>
  // house: it is no part of any run
  Effect.runSync(Effect.provideService(Effect.scoped(build), Scheduler.Scheduler, ofTheHost))
