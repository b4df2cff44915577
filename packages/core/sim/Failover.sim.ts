/** Callers of a pool over endpoints that drift, flap, alternate, spike and die, judged by what is known at each instant. */
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Array as Arr, Effect, Exit, Fiber, Latch, Logger, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import {
  type Call,
  type Caller,
  callerOf,
  describeCaller,
  makeCall,
  plainCaller,
  toldOf
} from "./support/failoverCalls.ts"
import type { Member } from "./support/failoverEvidence.ts"
import { judgeRoute, type Sample, type Step, type Watched } from "./support/failoverJudge.ts"
import {
  describeSettings,
  endpointOf,
  openPool,
  type Pool,
  type Settings,
  settingsOf
} from "./support/failoverPool.ts"
import { judgeCalls, judgeMonitor } from "./support/failoverPromises.ts"
import { Diary, describePlan, type Plan, planOf, World } from "./support/failoverWorld.ts"
import { lengthOf, now, second, sleep, sleepUntil, words } from "./support/time.ts"

interface Act {
  readonly atNanos: number
  readonly what: "add" | "remove"
  /** Which of those that are there. */
  readonly index: number
  readonly plan: Plan
}

interface Workload {
  readonly settings: Settings
  readonly plans: Arr.NonEmptyReadonlyArray<Plan>
  readonly callers: ReadonlyArray<Caller>
  readonly acts: ReadonlyArray<Act>
  readonly samplesNanos: ReadonlyArray<number>
  /** How long each pool lives, one after the other. */
  readonly livesNanos: Arr.NonEmptyReadonlyArray<number>
  /** How fast an endpoint is that is well. */
  readonly healthyNanos: number
  /** Whether the last pool is closed while all goes on, or sees its endpoints recover. */
  readonly isClosedEarly: boolean
}

// ----------------------------------------------------------------------------
// Drawn
// ----------------------------------------------------------------------------

const someOf = <A>(of: fc.Arbitrary<A>, minLength: number, maxLength: number) =>
  fc.array(of, { minLength, maxLength }).map((all) => {
    if (!Arr.isReadonlyArrayNonEmpty(all)) throw new Error("there is one at least")
    return all
  })

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  settingsOf(unit).chain((settings) => {
    const plan = planOf(unit, settings.thresholdNanos)
    return fc.record({
      settings: fc.constant(settings),
      plans: fc.oneof(
        { weight: 8, arbitrary: someOf(plan, 1, 4) },
        { weight: 1, arbitrary: someOf(plan, 5, 20) }
      ),
      callers: fc.array(callerOf(unit), { maxLength: 5 }),
      acts: fc.array(
        fc.record({
          atNanos: fc.oneof(lengthOf(unit), lengthOf(4 * unit)),
          what: fc.constantFrom<Act["what"]>("add", "remove"),
          index: fc.nat(4),
          plan
        }),
        { maxLength: 3 }
      ),
      samplesNanos: fc.array(fc.oneof(lengthOf(unit), lengthOf(4 * unit)), { maxLength: 4 }),
      livesNanos: someOf(fc.oneof(lengthOf(4 * unit), lengthOf(8 * unit)), 1, 2),
      healthyNanos: fc.oneof(
        fc.constant(0),
        fc.nat(Math.max(0, Math.min(unit / 8, settings.thresholdNanos)))
      ),
      isClosedEarly: fc.boolean()
    })
  })

const describe = (workload: Workload): string =>
  [
    describeSettings(workload.settings),
    ...workload.plans.map((plan, index) => `e${index} ${describePlan(plan)}`),
    ...workload.callers.map(describeCaller),
    ...workload.acts.map(({ atNanos, index, plan, what }) =>
      what === "add"
        ? `at ${words(atNanos)} another: ${describePlan(plan)}`
        : `at ${words(atNanos)} the ${index}th is removed`
    ),
    ...workload.samplesNanos.map((nanos) => `looked at at ${words(nanos)}`),
    `pools of ${workload.livesNanos.map(words).join(", ")}${workload.isClosedEarly ? "" : ", the last one recovers"}, well in ${words(workload.healthyNanos)}`
  ].join("; ")

// ----------------------------------------------------------------------------
// One pool
// ----------------------------------------------------------------------------

class Watch {
  readonly diary = new Diary()
  readonly calls: Array<Call> = []
  readonly members: Array<Member>
  readonly route: Array<Step> = []
  readonly samples: Array<Sample> = []
  routeEndNanos: number | undefined = undefined
  /** Those that are being added. */
  readonly coming = new Set<string>()
  readonly openNanos: number
  readonly scope: Scope.Closeable
  pool: Pool | undefined = undefined

  constructor(plans: ReadonlyArray<Plan>, openNanos: number, scope: Scope.Closeable) {
    this.openNanos = openNanos
    this.scope = scope
    this.members = plans.map((plan, index) => ({
      id: `e${index}`,
      plan,
      addedNanos: openNanos,
      removedNanos: undefined,
      isFirst: true
    }))
  }

  get present(): ReadonlyArray<Member> {
    return this.members.filter(({ id, removedNanos }) => removedNanos === undefined && !this.coming.has(id))
  }
}

const follow = (watch: Watch, pool: Pool): Effect.Effect<void> =>
  Stream.runForEach(pool.changes, (change) =>
    Effect.map(now, (atNanos) => void watch.route.push({ change, atNanos }))
  ).pipe(
    Effect.andThen(now),
    Effect.tap((nanos) =>
      Effect.sync(() => {
        watch.routeEndNanos = nanos
      })
    ),
    Effect.asVoid
  )

const open = (world: World, { plans, settings }: Workload) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const watch = new Watch(plans, yield* now, scope)
    const endpoints = Arr.map(plans, (plan, index) => endpointOf(world, watch.diary, `e${index}`, plan))
    const pool = yield* Scope.provide(openPool(world, settings, endpoints), scope)
    watch.pool = pool
    yield* Effect.forkChild(follow(watch, pool), { startImmediately: true })
    return { watch, pool }
  })

const perform = (world: World, watch: Watch, pool: Pool, act: Act): Effect.Effect<void> =>
  Effect.gen(function* () {
    const nanos = yield* now
    if (act.what === "add") {
      const id = `e${watch.members.length}`
      watch.members.push({ id, plan: act.plan, addedNanos: nanos, removedNanos: undefined, isFirst: false })
      watch.coming.add(id)
      yield* pool.add(endpointOf(world, watch.diary, id, act.plan))
      watch.coming.delete(id)
      return
    }
    const { present } = watch
    const member = present[act.index % present.length]
    if (member === undefined || present.length === 1) return
    member.removedNanos = nanos
    const removed = yield* pool.remove(member.id)
    // Another one may be removed first.
    if (removed === "Last") member.removedNanos = undefined
    yield* Check.always("FV-2", removed !== "NotFound", () => `removing ${member.id}: ${removed}`)
  })

const look = (watch: Watch, pool: Pool): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* TestClock.adjust(0)
    watch.samples.push({ atNanos: yield* now, active: yield* pool.active, status: yield* pool.status })
  })

/** All endpoints recover: all are well again, the primary is the route, and each is used when no other one answers. */
const recover = (world: World, watch: Watch, pool: Pool, { settings }: Workload) =>
  Effect.gen(function* () {
    const { attemptTimeoutNanos, consecutive, dwellNanos, ejection, failbackNanos, intervalNanos } = settings
    const roundNanos = Math.max(intervalNanos, settings.probeTimeoutNanos)
    world.healedNanos = yield* now
    const waitNanos =
      10 * ejection.baseNanos +
      attemptTimeoutNanos +
      settings.releaseTimeoutNanos +
      dwellNanos +
      (failbackNanos === Infinity ? 0 : failbackNanos) +
      (consecutive + 4) * roundNanos
    yield* sleep(waitNanos)
    yield* TestClock.adjust(0)
    const status = yield* pool.status
    const bad = status.filter(({ health }) => health !== "Healthy")
    yield* Check.always("FV-8", bad.length === 0, () =>
      bad.map(({ health, id }) => `${id} is ${health}`).join()
    )
    const primary = watch.present[0]?.id
    const active = yield* pool.active
    yield* Check.always(
      "FV-8",
      failbackNanos === Infinity || settings.select === "fastest" || active.id === primary,
      () => `${active.id} is the route, and ${primary} is well`
    )
    const ids = watch.present.map(({ id }) => id)
    const alone = ids[waitNanos % ids.length]
    if (settings.attempts !== undefined && settings.attempts < ids.length) return
    world.alone = alone
    const call = yield* makeCall(world, pool, watch.calls, plainCaller)
    const answer = call.exit !== undefined && Exit.isSuccess(call.exit) ? call.exit.value : undefined
    yield* Check.always(
      "FV-8",
      answer === alone,
      () => `${alone} is well, and a call is ${toldOf(call)} by ${answer}`
    )
  })

/** As many calls as it takes until a pool knows what is usual. */
const warmUp = (world: World, watch: Watch, pool: Pool) => {
  const call = makeCall(world, pool, watch.calls, plainCaller)
  return Effect.repeat(Effect.uninterruptible(call), { times: 19 })
}

const close = (watch: Watch, settings: Settings) =>
  Effect.gen(function* () {
    const closeNanos = yield* now
    yield* Scope.close(watch.scope, Exit.void)
    return { closeNanos, closedNanos: yield* now, settings }
  })

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

const play = (world: World, current: { watch: Watch | undefined }, caller: Caller) =>
  Effect.gen(function* () {
    yield* sleepUntil(caller.atNanos)
    for (let call = 0; call < caller.calls; call++) {
      const { watch } = current
      if (watch?.pool !== undefined) yield* makeCall(world, watch.pool, watch.calls, caller)
      yield* sleep(caller.pauseNanos)
    }
  })

const atEach = (
  current: { readonly watch: Watch | undefined },
  nanos: number,
  what: (watch: Watch, pool: Pool) => Effect.Effect<void>
) =>
  Effect.andThen(
    sleepUntil(nanos),
    Effect.suspend(() => {
      const { watch } = current
      return watch?.pool === undefined ? Effect.void : what(watch, watch.pool)
    })
  )

const seen = (watched: Watched) =>
  Effect.gen(function* () {
    for (const { change } of watched.route) yield* Check.reachable(`a change: ${change.reason}`)
    for (const call of watched.calls) {
      yield* Check.sometimes(`a call is ${toldOf(call)}`, true)
      yield* Check.sometimes("a third attempt", call.attempts.length >= 3)
    }
  })

const run = (workload: Workload) =>
  Effect.gen(function* () {
    const { acts, callers, livesNanos, samplesNanos, settings } = workload
    const released = yield* Latch.make()
    const world = new World(workload.healthyNanos, released)
    const current: { watch: Watch | undefined } = { watch: undefined }
    const all: Array<{ watch: Watch; closeNanos: number; closedNanos: number }> = []
    const beside = yield* Effect.forkChild(
      Effect.all(
        [
          ...callers.map((caller) => play(world, current, caller)),
          ...acts.map((act) =>
            atEach(current, act.atNanos, (watch, pool) => perform(world, watch, pool, act))
          ),
          ...samplesNanos.map((nanos) => atEach(current, nanos, look))
        ],
        { concurrency: "unbounded", discard: true }
      )
    )
    for (const [index, lifeNanos] of livesNanos.entries()) {
      const { pool, watch } = yield* open(world, workload)
      if (settings.hedge !== undefined) yield* warmUp(world, watch, pool)
      current.watch = watch
      yield* sleep(lifeNanos)
      const isLast = index === livesNanos.length - 1
      if (isLast && !workload.isClosedEarly) {
        yield* Fiber.await(beside)
        yield* recover(world, watch, pool, workload)
      }
      current.watch = undefined
      all.push({ watch, ...(yield* close(watch, settings)) })
    }
    yield* Fiber.await(beside)
    yield* sleep(4 * settings.intervalNanos)
    for (const { closeNanos, watch } of all) {
      const late = watch.diary.probes.find(({ startNanos }) => startNanos > closeNanos)
      yield* Check.always(
        "FV-4",
        late === undefined,
        () => `${late?.endpoint} is probed at ${late?.startNanos} ns`
      )
    }
    yield* released.open
    // Whatever was left behind ends.
    yield* sleep(100 * settings.intervalNanos)
    for (const { closeNanos, closedNanos, watch } of all) {
      const watched: Watched = { ...watch, settings, closeNanos, closedNanos }
      yield* Check.judged(guarantees, judgeCalls(watched) ?? judgeMonitor(watched) ?? judgeRoute(watched))
      yield* seen(watched)
      const status = watch.pool === undefined ? [] : yield* watch.pool.status
      yield* Check.always(
        "FV-4",
        status.every(({ inFlight }) => inFlight === 0),
        "something is in flight after the end"
      )
    }
  }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>()))

const guarantees = ["FV-1", "FV-2", "FV-3", "FV-4", "FV-5", "FV-6", "FV-7", "FV-8", "FV-9", "FV-11"]

const reaches = [
  "a change: Initial",
  "a change: Slow",
  "a change: Failed",
  "a call is answered",
  "a call is all failed",
  "a call is unknown",
  "a third attempt"
]

const common = {
  arbitrary: fc.oneof(workloadOf(1e6), workloadOf(second)),
  run,
  leaks: "FV-4",
  describe
}

const anywhere = Suite.make({
  ...common,
  name: "Failover",
  guarantees: ["FV-1", "FV-2", "FV-3", "FV-4", "FV-5", "FV-6", "FV-7", "FV-8", "FV-9", "FV-11"],
  reaches: [
    ...reaches,
    "a change: Ejected",
    "a change: Failback",
    "a change: Faster",
    "a change: Removed",
    "a call is rejected",
    "a call is deadline",
    "a call is died",
    "a call is interrupted"
  ]
})

const stock = Suite.make({
  ...common,
  name: "Failover on the stock scheduler",
  guarantees: ["FV-1", "FV-2", "FV-3", "FV-4", "FV-5", "FV-6", "FV-7", "FV-8", "FV-9", "FV-11"],
  level: "realistic",
  reaches
})

export const suites: ReadonlyArray<Suite.Suite> = [anywhere, stock]
