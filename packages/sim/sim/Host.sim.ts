/** Hosts that crash, pause and lose the time, with fibers that hosts resume for each other in every way there is. */
import { Check, FaultPlan, Host, Suite } from "@holdfast/sim"
import { Clock, Deferred, Effect, Fiber, Latch, Queue, Semaphore } from "effect"
import * as fc from "fast-check"

const hosts = ["a", "b", "c"] as const

interface Workload {
  /** How each host's fibers wait for one another across hosts. */
  readonly waits: ReadonlyArray<"Deferred" | "Latch" | "Queue" | "Semaphore" | "Sleep">
  readonly stepMillis: number
}

/** The test knows when a host may run: the plan tells it the same as the host. */
interface Life {
  allowed: boolean
  beats: number
}

const waitFor = (
  wait: Workload["waits"][number],
  shared: Queue.Queue<number>,
  latch: Latch.Latch,
  semaphore: Semaphore.Semaphore,
  millis: number
): Effect.Effect<unknown> => {
  switch (wait) {
    case "Deferred":
      return Effect.timeoutOption(Effect.flatMap(Deferred.make<void>(), Deferred.await), millis)
    case "Latch":
      return Effect.timeoutOption(latch.await, millis)
    case "Queue":
      return Effect.timeoutOption(Queue.take(shared), millis)
    case "Semaphore":
      return semaphore.withPermits(1)(Effect.yieldNow)
    case "Sleep":
      return Effect.sleep(millis)
  }
}

const run = ({ stepMillis, waits }: Workload) =>
  Effect.gen(function* () {
    // Memory that hosts share, which they should not: code of a host that is down must not run all the same.
    const queue = yield* Queue.sliding<number>(4)
    const latch = yield* Latch.make()
    const semaphore = yield* Semaphore.make(2)
    const lives = new Map<string, Life>(hosts.map((name) => [name, { allowed: true, beats: 0 }]))
    const beat = (name: string) =>
      Effect.suspend(() => {
        const life = lives.get(name)
        if (life !== undefined) life.beats++
        return Check.always(
          "SIM-5",
          life?.allowed === true,
          `code of "${name}" ran while the host was not up`
        )
      })
    const main = (name: string) =>
      Effect.forEach(
        waits,
        (wait) =>
          Effect.forever(
            Effect.andThen(waitFor(wait, queue, latch, semaphore, stepMillis), beat(name)).pipe(
              Effect.ensuring(beat(name)),
              Effect.andThen(Effect.sleep(1))
            )
          ),
        { concurrency: "unbounded", discard: true }
      )
    const made = yield* Effect.forEach(hosts, (name) => Host.make(name, main(name)))
    const watch = yield* Effect.forkChild(
      Effect.forever(
        Effect.gen(function* () {
          yield* Queue.offer(queue, 1)
          yield* latch.open
          yield* latch.close
          yield* Effect.sleep(3)
        })
      )
    )
    for (const host of made) {
      const life = lives.get(host.name)
      if (life === undefined) continue
      yield* Effect.sleep(10)
      yield* host.pause
      life.allowed = false
      yield* Effect.sleep(7)
      life.allowed = true
      yield* host.resume
      yield* Effect.sleep(10)
      yield* host.crash
      life.allowed = false
      yield* Check.sometimes("a host that crashed had run", life.beats > 0)
      yield* Effect.sleep(10)
    }
    yield* Fiber.interrupt(watch)
  })

const isolation = Suite.make<Workload>({
  name: "hosts are apart",
  guarantees: ["SIM-5"],
  arbitrary: fc.record({
    waits: fc.array(fc.constantFrom("Deferred", "Latch", "Queue", "Semaphore", "Sleep"), {
      minLength: 1,
      maxLength: 4
    }),
    stepMillis: fc.integer({ min: 1, max: 8 })
  }),
  run,
  reaches: ["a host that crashed had run"]
})

/** A counter on each host, whatever happens to the hosts. */
const faults = Suite.make<number>({
  name: "faults take effect",
  guarantees: ["SIM-2"],
  arbitrary: fc.integer({ min: 1, max: 50 }),
  faults: FaultPlan.arbitrary({ hosts, kinds: ["Crash", "Pause", "Skew"], withinMillis: 1000 }),
  run: (periodMillis) =>
    Effect.gen(function* () {
      const made = yield* Effect.forEach(hosts, (name) =>
        Host.make(name, Effect.forever(Effect.sleep(periodMillis)))
      )
      yield* Check.takes("SIM-2", "2 seconds", Effect.sleep("2 seconds"))
      for (const host of made) {
        yield* host.restart
        yield* host.run(Effect.asVoid(Clock.currentTimeMillis))
      }
    })
})

export const suites = [isolation, faults]
