/** Owners of one register on several hosts, which end, crash, or are taken for dead while they go on. */
import { Register, StateBackend } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Host from "@holdfast/sim/Host"
import * as Suite from "@holdfast/sim/Suite"
import { Effect, Exit, Fiber, Scope } from "effect"
import * as fc from "fast-check"
import { type Hold, Life, type Quiet, Witness } from "./support/registerWitness.ts"
import { type Conditions, StateMachine } from "./support/stateMachine.ts"
import { sleep, wait } from "./support/time.ts"

const keys = ["a", "b"] as const

interface Act {
  readonly what: "tryAcquire" | "guard" | "release" | "deactivate" | "isActive" | "snapshot" | "clear"
  readonly key: string
  /** What passes before it; of a guard, also until its end. */
  readonly millis: number
  /** It is interrupted after so long. */
  readonly interruptMillis: number | undefined
}

interface Plan {
  /** Of each of its fibers, one after the other. */
  readonly acts: ReadonlyArray<ReadonlyArray<Act>>
  readonly end: { readonly how: "closes" | "crashes" | "is taken for dead"; readonly afterMillis: number }
}

interface Workload {
  readonly conditions: Conditions
  /** Of each host. */
  readonly lives: ReadonlyArray<ReadonlyArray<Plan>>
}

const act: fc.Arbitrary<Act> = fc.record({
  what: fc.constantFrom(
    "tryAcquire" as const,
    "tryAcquire" as const,
    "tryAcquire" as const,
    "guard" as const,
    "guard" as const,
    "release" as const,
    "deactivate" as const,
    "isActive" as const,
    "snapshot" as const,
    "clear" as const
  ),
  key: fc.constantFrom(...keys),
  millis: fc.nat(8),
  interruptMillis: fc.option(fc.nat(6), { nil: undefined, freq: 4 })
})

const plan: fc.Arbitrary<Plan> = fc.record({
  acts: fc.array(fc.array(act, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 2 }),
  end: fc.record({
    how: fc.constantFrom(
      "closes" as const,
      "crashes" as const,
      "crashes" as const,
      "is taken for dead" as const
    ),
    afterMillis: fc.nat(30)
  })
})

const conditions: fc.Arbitrary<Conditions> = fc.record({
  courses: fc.constant([]),
  commitNanos: fc.constantFrom(0, 1e6, 3e6),
  commits: fc.constantFrom("locking" as const, "optimistic" as const),
  readNanos: fc.constant(0),
  lockNanos: fc.constantFrom(0, 200_000),
  unlockNanos: fc.constant(0),
  documents: fc.constantFrom("one" as const, "each" as const)
})

const workload: fc.Arbitrary<Workload> = fc.record({
  conditions,
  lives: fc.array(fc.array(plan, { minLength: 1, maxLength: 3 }), { minLength: 2, maxLength: 3 })
})

const describe = ({ conditions, lives }: Workload): string =>
  `${conditions.commits} commits of ${conditions.commitNanos / 1e6} ms, locks after ${conditions.lockNanos / 1e6} ms, ${conditions.documents} document; ${lives
    .map((plans, host) => {
      const words = plans.map(({ acts, end }) => {
        const fibers = acts.map((some) =>
          some
            .map(
              ({ interruptMillis, key, millis, what }) =>
                `${millis} ms, ${what} ${key}${interruptMillis === undefined ? "" : ` (interrupted after ${interruptMillis} ms)`}`
            )
            .join(", ")
        )
        return `${fibers.join(" | ")}; ${end.how} after ${end.afterMillis} ms`
      })
      return `host ${host}: ${words.join(" / ")}`
    })
    .join("; ")}`

interface Scene {
  readonly register: Register.Register
  readonly witness: Witness
  readonly life: Life
}

/**
 * A section in which somebody is known to be at it. When one that frees or takes has failed, it is not known how things
 * stand, as long as the life lasts.
 */
const during = <A, E>(
  { life, witness }: Pick<Scene, "life" | "witness">,
  what: "takes" | "frees" | "guards" | "begins or ends",
  key: string | undefined,
  f: (quiet: Quiet) => Effect.Effect<A, E>
): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    const quiet = witness.begin({ life, key, frees: what === "frees" })
    const isClear = what === "guards" || what === "begins or ends"
    return Effect.onExit(f(quiet), (exit) =>
      Effect.sync(() => witness.end(quiet, isClear || Exit.isSuccess(exit)))
    )
  })

/** What a life may do after it was taken for dead: nothing, once others have what it had. */
const told = (life: Life, wasBuried: boolean, exit: Exit.Exit<unknown, { readonly _tag: string }>) =>
  Effect.andThen(
    Check.sometimes("one that was taken for dead is told so", wasBuried && Exit.isFailure(exit)),
    Check.always(
      "RG-3",
      !wasBuried || (Exit.isFailure(exit) && !Exit.hasDies(exit)),
      () => `${life.name} was taken for dead, and was not told so`
    )
  )

/** A guard that was interrupted while nothing else was under way has left nothing. */
const nothingLeft = ({ life, register, witness }: Scene, key: string, quiet: Quiet) =>
  Effect.gen(function* () {
    const seen = yield* Effect.exit(register.snapshot)
    const owner = Exit.isSuccess(seen) ? seen.value.get(key)?.owner : undefined
    const isOwn = owner?.slot === register.owner.slot && owner.fence === register.owner.fence
    const isRight = !isOwn || quiet.isDisturbed || witness.of(key)?.life === life
    yield* Check.reachable("a guard is interrupted")
    yield* Check.always("RG-4", isRight, () => `"${key}" was left behind by what was interrupted`)
  })

const tryAcquire = (scene: Scene, { key }: Act) =>
  during(scene, "takes", key, (quiet) =>
    Effect.gen(function* () {
      const { life, register, witness } = scene
      const before = witness.of(key)
      const isWinner = yield* Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          const isWinner = yield* restore(register.tryAcquire(key))
          if (isWinner) yield* noteTaken(scene, key, { life, guarded: false }, quiet)
          return isWinner
        })
      )
      yield* Check.sometimes("what a dead one had is taken", isWinner && before?.life.isGone === true)
      const wasFree = !quiet.isDisturbed && (before === undefined || before.life.isGone)
      yield* Check.sometimes("nobody is in the way of a take", wasFree)
      yield* Check.always(
        "RG-2",
        isWinner || !wasFree || life.isGone,
        () => `nobody has "${key}", and it is not free`
      )
    })
  )

const noteTaken = ({ witness }: Scene, key: string, hold: Hold, quiet: Quiet) =>
  Effect.suspend(() => {
    const problem = witness.take(key, hold, quiet)
    return Check.always("RG-1", problem === undefined, () => problem ?? "")
  })

const guard = (scene: Scene, { key, millis }: Act) =>
  during(scene, "guards", key, (quiet) =>
    Effect.gen(function* () {
      const { life, register, witness } = scene
      yield* Effect.uninterruptibleMask((restore) =>
        Effect.gen(function* () {
          yield* restore(register.guard(key))
          const hold: Hold = { life, guarded: true }
          yield* Effect.addFinalizer(() => Effect.sync(() => witness.letGo(key, hold)))
          yield* noteTaken(scene, key, hold, quiet)
        })
      )
      yield* wait(millis * 1e6)
      const isActive = yield* register.isActive(key)
      yield* Check.always("RG-4", isActive || life.isGone, () => `"${key}" is guarded, and not active`)
    }).pipe(
      Effect.scoped,
      Effect.onInterrupt(() => nothingLeft(scene, key, quiet))
    )
  )

const free = (scene: Scene, { key, what }: Act) =>
  during(scene, "frees", key, () =>
    Effect.gen(function* () {
      const { life, register, witness } = scene
      const before = witness.of(key)
      if (before?.life === life && !before.guarded) witness.letGo(key, before)
      yield* what === "release" ? register.release(key) : register.deactivate(key)
      const isSame = before !== undefined && before === witness.of(key)
      yield* Check.always(
        "RG-2",
        !isSame || before.life === life || before.life.isGone,
        () => `${life.name} has freed "${key}", which another one has`
      )
      yield* Check.always(
        "RG-4",
        !isSame || before.life !== life || life.isGone,
        () => `a guard of "${key}" was freed`
      )
    })
  )

const look = ({ register, witness }: Scene, { key, what }: Act) =>
  Effect.gen(function* () {
    const before = witness.of(key)
    const isActive =
      what === "isActive"
        ? yield* register.isActive(key)
        : (yield* register.snapshot).get(key)?.active === true
    const isSame = before !== undefined && before === witness.of(key) && !before.life.isGone
    yield* Check.always(
      "RG-2",
      isActive || !isSame,
      () => `"${key}" is held by one who lives, and not active`
    )
  })

const perform = (scene: Scene, act: Act): Effect.Effect<void, Register.WriteError | Register.KeyTaken> => {
  switch (act.what) {
    case "tryAcquire":
      return tryAcquire(scene, act)
    case "guard":
      return guard(scene, act)
    case "release":
    case "deactivate":
      return free(scene, act)
    case "clear":
      return during(scene, "frees", undefined, () =>
        Effect.suspend(() => {
          scene.witness.letGoOfAll(scene.life)
          return scene.register.clear
        })
      )
    default:
      return look(scene, act)
  }
}

/** One act, which may be interrupted. */
const once = (scene: Scene, act: Act) =>
  Effect.gen(function* () {
    yield* wait(act.millis * 1e6)
    const wasBuried = scene.life.isBuried
    const fiber = yield* Effect.forkChild(perform(scene, act))
    if (act.interruptMillis !== undefined) {
      yield* sleep(act.interruptMillis * 1e6)
      yield* Fiber.interrupt(fiber)
    }
    const exit = yield* Fiber.await(fiber)
    if (Exit.isSuccess(exit) || !Exit.hasInterrupts(exit)) yield* told(scene.life, wasBuried, exit)
  })

/** A life: it becomes an owner, acts, and ends. */
const live = (machine: StateMachine, witness: Witness, life: Life, { acts, end }: Plan) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const store = yield* StateBackend.make(machine.process(life.name))
    const register = yield* during({ life, witness }, "begins or ends", undefined, () =>
      Register.make("jobs").pipe(Effect.provide(store), Scope.provide(scope))
    )
    const scene: Scene = { register, witness, life }
    life.isOwner = true
    yield* Effect.forEach(
      acts,
      (some) => Effect.forEach(some, (act) => once(scene, act), { discard: true }),
      {
        concurrency: "unbounded",
        discard: true
      }
    )
    if (end.how === "crashes") return yield* Effect.never
    yield* during(scene, "begins or ends", undefined, () =>
      Effect.andThen(
        Effect.sync(() => witness.letGoOfAll(life)),
        Scope.close(scope, Exit.void)
      )
    )
    life.isOver = true
  }).pipe(Effect.orDie)

const runHost = (machine: StateMachine, witness: Witness, number: number, plans: ReadonlyArray<Plan>) =>
  Effect.gen(function* () {
    const host = yield* Host.make(`host ${number}`)
    for (const [index, plan] of plans.entries()) {
      const life = new Life(`host ${number}, life ${index}`)
      const fiber = yield* Effect.forkChild(Effect.exit(host.run(live(machine, witness, life, plan))))
      if (plan.end.how !== "closes") yield* sleep(plan.end.afterMillis * 1e6)
      if (plan.end.how === "is taken for dead" && life.isOwner) {
        life.isGone = true
        // What it has begun to write, it writes.
        for (const [name, holder] of machine.locks) {
          if (holder === life.name && !name.startsWith("document")) machine.locks.delete(name)
        }
      }
      if (plan.end.how === "crashes") {
        yield* host.crash
        life.isGone = true
        life.isOver = true
        machine.kill(life.name)
      }
      const exit = yield* Fiber.join(fiber)
      yield* Check.always(
        "RG-2",
        Exit.isSuccess(exit) || plan.end.how === "crashes",
        () => `${life.name} ended with ${exit}`
      )
      if (plan.end.how === "crashes") yield* host.restart
    }
  })

const run = ({ conditions, lives }: Workload) =>
  Effect.gen(function* () {
    const machine = new StateMachine(conditions)
    const witness = new Witness()
    yield* Effect.forEach(lives, (plans, number) => runHost(machine, witness, number, plans), {
      concurrency: "unbounded",
      discard: true
    })
    const last = yield* Host.make("last")
    const results = yield* last.run(
      Effect.gen(function* () {
        const store = yield* StateBackend.make(machine.process("last"))
        const register = yield* Effect.provide(Register.make("jobs"), store)
        return yield* Effect.forEach(keys, (key) => register.tryAcquire(key))
      })
    )
    yield* Check.always(
      "RG-2",
      results.every((isWinner) => isWinner),
      "nobody lives, and a key is not free"
    )
    const slots = Array.from(machine.rows.keys()).filter((key) => key.includes("/owner/")).length
    yield* Check.always("RG-2", slots <= 2 * lives.length + 1, () => `${slots} slots`)
  })

const register = Suite.make({
  name: "Register",
  guarantees: ["RG-1", "RG-2", "RG-3", "RG-4"],
  arbitrary: workload,
  run,
  describe,
  reaches: [
    "a guard is interrupted",
    "one that was taken for dead is told so",
    "what a dead one had is taken"
  ]
})

export const suites: ReadonlyArray<Suite.Suite> = [register]
