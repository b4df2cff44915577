/** What is left behind when something ends early: by an interruption, a failure, or at the very instant of another end. */
import { Effect, Exit, Fiber, Queue, Ref, Scope, Semaphore } from "effect"
import * as Check from "../../src/Check.ts"
import * as FlakyServer from "../../src/FlakyServer.ts"
import { millisUpTo, type Planted, together } from "./Planted.ts"

/** Two ends of one piece of work, which come at the same instant; the timer of the second is set last. */
const raced = (claim: (outcomes: Ref.Ref<ReadonlyArray<string>>, outcome: string) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const outcomes = yield* Ref.make<ReadonlyArray<string>>([])
    const work = Effect.delay(claim(outcomes, "finished"), 100)
    const watchdog = Effect.gen(function* () {
      yield* Effect.sleep(60)
      yield* Effect.sleep(40)
      if ((yield* Ref.get(outcomes)).length === 0) yield* claim(outcomes, "given up")
    })
    yield* together(work, watchdog)
    const all = yield* Ref.get(outcomes)
    yield* Check.always("work has one outcome", all.length === 1, `it was ${all.join(" and ")}`)
  })

const timerRace: Planted = {
  name: "same-instant timer race",
  bug: "work that ends at the instant of its time-out finishes without a look at whether it was given up",
  interleaving: true,
  program: raced((outcomes, outcome) => Ref.update(outcomes, (all) => [...all, outcome])),
  correct: raced((outcomes, outcome) => Ref.update(outcomes, (all) => (all.length === 0 ? [outcome] : all)))
}

const permitsKept = (
  use: (semaphore: Semaphore.Semaphore, work: Effect.Effect<void>) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const semaphore = yield* Semaphore.make(1)
    const worker = yield* Effect.forkChild(use(semaphore, Effect.sleep(1)))
    yield* Effect.yieldNow
    yield* Fiber.interrupt(worker)
    const isFree = yield* semaphore.takeIfAvailable(1)
    yield* Check.always("a permit is given back", isFree, "a worker that was interrupted kept it")
  })

const permitLeakOnInterrupt: Planted = {
  name: "permit leak on interrupt",
  bug: "a worker can be interrupted after it has taken a permit and before it has said how to give it back",
  interleaving: true,
  program: permitsKept((semaphore, work) =>
    Effect.andThen(semaphore.take(1), Effect.ensuring(work, semaphore.release(1)))
  ),
  correct: permitsKept((semaphore, work) => semaphore.withPermit(work))
}

/** A server that answers all calls but one, which is drawn; it may be one that is never made. */
const failingOnce = (name: string, calls: number) =>
  Effect.gen(function* () {
    const failing = (yield* millisUpTo(2 * calls)) + 1
    const script = FlakyServer.calls(
      Array.from({ length: failing }, (_, n) =>
        n === failing - 1 ? FlakyServer.error() : FlakyServer.answer(1)
      ),
      FlakyServer.answer(1)
    )
    return yield* FlakyServer.make(name, script, (request: string) => `done: ${request}`)
  })

const permitsGivenBack = (
  use: <E>(semaphore: Semaphore.Semaphore, work: Effect.Effect<unknown, E>) => Effect.Effect<unknown, E>
) =>
  Effect.gen(function* () {
    const semaphore = yield* Semaphore.make(3)
    const server = yield* failingOnce("ledger", 3)
    for (const job of ["a", "b", "c"]) yield* Effect.exit(use(semaphore, server.call(job)))
    const areFree = yield* semaphore.takeIfAvailable(3)
    yield* Check.always("all permits are given back", areFree, "a job that failed kept its own")
  })

const permitLeakOnFailure: Planted = {
  name: "permit leak on failure",
  bug: "a permit is only given back when the work succeeds",
  interleaving: false,
  program: permitsGivenBack((semaphore, work) =>
    Effect.gen(function* () {
      yield* semaphore.take(1)
      yield* work
      yield* semaphore.release(1)
    })
  ),
  correct: permitsGivenBack((semaphore, work) => semaphore.withPermit(work))
}

const gauged = (leave: (work: Effect.Effect<unknown>, down: Effect.Effect<void>) => Effect.Effect<unknown>) =>
  Effect.gen(function* () {
    const inFlight = yield* Ref.make(0)
    const down = Ref.update(inFlight, (n) => n - 1)
    const work = Effect.flatMap(millisUpTo(20), Effect.sleep)
    const job = Effect.andThen(
      Ref.update(inFlight, (n) => n + 1),
      leave(work, down)
    )
    yield* Effect.timeoutOption(job, 10)
    const left = yield* Ref.get(inFlight)
    yield* Check.always("what goes in flight comes down once", left === 0, `${left} are in flight in the end`)
  })

const countedDownTwice: Planted = {
  name: "counted down twice",
  bug: "a job lowers a count when it is interrupted, and again when it ends, which an interruption is too",
  interleaving: false,
  program: gauged((work, down) =>
    Effect.ensuring(
      Effect.onInterrupt(work, () => down),
      down
    )
  ),
  correct: gauged((work, down) => Effect.ensuring(work, down))
}

const consumed = (
  consume: (queue: Queue.Queue<string>, process: (item: string) => void) => Effect.Effect<void>
) =>
  Effect.gen(function* () {
    const queue = yield* Queue.unbounded<string>()
    const processed: Array<string> = []
    const consumer = yield* Effect.forkChild(consume(queue, (item) => processed.push(item)))
    yield* Effect.forkChild(Queue.offer(queue, "a"))
    yield* Effect.yieldNow
    yield* Fiber.interrupt(consumer)
    yield* Effect.sleep(1)
    const seen = processed.length + (yield* Queue.size(queue))
    yield* Check.always("an item is processed, or stays in the queue", seen === 1, `it is in ${seen} places`)
  })

const droppedItem: Planted = {
  name: "dropped item",
  bug: "a consumer can be interrupted between taking an item and processing it",
  interleaving: true,
  program: consumed((queue, process) =>
    Effect.flatMap(Queue.take(queue), (item) => Effect.sync(() => process(item)))
  ),
  correct: consumed((queue, process) =>
    Effect.andThen(
      Queue.peek(queue),
      Effect.uninterruptible(Effect.flatMap(Queue.take(queue), (item) => Effect.sync(() => process(item))))
    )
  )
}

/** A connection, which is open until its scope is closed; the handshake may fail. */
const connected = (closesOnFailure: boolean) =>
  Effect.gen(function* () {
    const server = yield* failingOnce("database", 2)
    const open = yield* Ref.make(0)
    const connection = Effect.acquireRelease(
      Ref.update(open, (n) => n + 1),
      () => Ref.update(open, (n) => n - 1)
    )
    const connect = Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Scope.provide(connection, scope)
      const handshake = server.call("hello")
      yield* closesOnFailure
        ? Effect.onError(handshake, (cause) => Scope.close(scope, Exit.failCause(cause)))
        : handshake
      return scope
    })
    const session = Effect.flatMap(connect, (scope) => Scope.close(scope, Exit.void))
    yield* Effect.exit(session)
    yield* Effect.exit(session)
    const left = yield* Ref.get(open)
    yield* Check.always("a connection is closed in the end", left === 0, `${left} are open`)
  })

const forgottenFinalizer: Planted = {
  name: "forgotten finalizer",
  bug: "the scope of a connection stays open when the handshake on it fails",
  interleaving: false,
  program: connected(false),
  correct: connected(true)
}

const beating = (start: (heartbeat: Effect.Effect<void>) => Effect.Effect<unknown, never, Scope.Scope>) =>
  Effect.gen(function* () {
    const beats = yield* Ref.make(0)
    const beat = Effect.delay(
      Ref.update(beats, (n) => n + 1),
      10
    )
    const heartbeat = Effect.repeat(beat, { times: 4 })
    const session = Effect.flatMap(millisUpTo(100), Effect.sleep)
    yield* Effect.scoped(Effect.andThen(start(Effect.asVoid(heartbeat)), session))
    const atEnd = yield* Ref.get(beats)
    yield* Effect.sleep(100)
    const later = (yield* Ref.get(beats)) - atEnd
    yield* Check.always("a heartbeat ends with its session", later === 0, `${later} beats came after the end`)
  })

const outlivesItsScope: Planted = {
  name: "fiber outlives its scope",
  bug: "a heartbeat is forked as a fiber of its own, and goes on when its session has ended",
  interleaving: false,
  program: beating((heartbeat) => Effect.forkDetach(heartbeat)),
  correct: beating((heartbeat) => Effect.forkScoped(heartbeat))
}

export const interruption: ReadonlyArray<Planted> = [
  timerRace,
  permitLeakOnInterrupt,
  permitLeakOnFailure,
  countedDownTwice,
  droppedItem,
  forgottenFinalizer,
  outlivesItsScope
]
