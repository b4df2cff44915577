/**
 * What a fiber waits for, in words.
 *
 * Effect keeps no record of that. But every wait is a `callback` primitive, and what each kind of wait registers has a
 * source text of its own: one example of each kind, made when first asked, tells which is which, whatever the version
 * of Effect. The last primitive that a fiber evaluated is seen by a tracer, which is why a run that got stuck is
 * repeated with one.
 */
import { Deferred, Effect, Fiber, Latch, PubSub, Queue, Semaphore, Tracer } from "effect"

interface Callback {
  readonly register: (...args: ReadonlyArray<never>) => unknown
}

const isCallback = (primitive: object): primitive is Callback =>
  typeof Reflect.get(primitive, "register") === "function"

/** Runs an effect just far enough to see what it waits for. */
const waitOf = <A, E>(effect: Effect.Effect<A, E>): string | undefined => {
  const waits = new Waits()
  // house: only ever looks at a primitive of Effect; it has no services, and is interrupted at once
  const fiber = Effect.runFork(
    Effect.provideService(effect, Tracer.Tracer, { ...Tracer.nativeTracer, context: waits.watch })
  )
  fiber.interruptUnsafe()
  return waits.sourceOf(fiber)
}

const examples = (): ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> => [
  ["Effect.never", Effect.never],
  ["a Deferred", Deferred.await(Deferred.makeUnsafe<void>())],
  ["a Latch", Latch.makeUnsafe().await],
  ["a permit of a Semaphore", Semaphore.makeUnsafe(0).take(1)],
  ["an item of a Queue", Effect.flatMap(Queue.unbounded<void>(), Queue.take)],
  [
    "room in a Queue",
    Effect.flatMap(Queue.bounded<number>(1), (queue) =>
      Effect.andThen(Queue.offer(queue, 1), Queue.offer(queue, 2))
    )
  ],
  [
    "a message of a PubSub",
    Effect.scoped(
      Effect.flatMap(
        Effect.flatMap(PubSub.unbounded<void>(), (pubsub) => PubSub.subscribe(pubsub)),
        PubSub.take
      )
    )
  ],
  ["a fiber", Effect.flatMap(Effect.forkChild(Effect.never), Fiber.join)],
  [
    "several fibers",
    Effect.flatMap(Effect.forkChild(Effect.never), (fiber) => Fiber.joinAll([fiber, fiber]))
  ],
  ["all of its children", Effect.all([Effect.never, Effect.never], { concurrency: "unbounded" })],
  ["the first of its children", Effect.raceFirst(Effect.never, Effect.never)]
]

let table: ReadonlyMap<string, string> | undefined

const names = (): ReadonlyMap<string, string> => {
  if (table !== undefined) return table
  const known = new Map<string, string>()
  for (const [name, effect] of examples()) {
    const source = waitOf(effect)
    if (source !== undefined && !known.has(source)) known.set(source, name)
  }
  table = known
  return known
}

/** Sees every primitive that is evaluated, and keeps for each fiber the last that could wait. */
export class Waits {
  private readonly last = new WeakMap<object, Callback>()

  readonly watch: NonNullable<Tracer.Tracer["context"]> = (primitive, fiber) => {
    if (isCallback(primitive)) this.last.set(fiber, primitive)
    return primitive["~effect/Effect/evaluate"](fiber)
  }

  sourceOf(fiber: object): string | undefined {
    return this.last.get(fiber)?.register.toString()
  }

  describe(fiber: object): string {
    const source = this.sourceOf(fiber)
    if (source === undefined) return "nothing that is known"
    return names().get(source) ?? "a callback of its own, such as a native promise or an event"
  }
}
