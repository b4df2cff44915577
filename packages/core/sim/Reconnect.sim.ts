/** Clients of a supervised connection, over a backend that dies at every step, until it is healthy or all is closed. */
import { Backoff, Deadline, Reconnect } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Cause, Effect, Exit, Fiber, Latch, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import * as fc from "fast-check"
import {
  Backend,
  type Broken,
  type Connection,
  describeLife,
  isBroken,
  type Life,
  lifeOf,
  tagOf
} from "./support/reconnectBackend.ts"
import { delayAfter, judge, type Settings } from "./support/reconnectJudge.ts"
import { lengthOf, now, second, sleep, sleepUntil, toDuration, words } from "./support/time.ts"

interface Client {
  readonly atNanos: number
  readonly calls: number
  readonly workNanos: number
  /** The work cannot be interrupted. */
  readonly holds: boolean
  /** The deadline of each call. */
  readonly deadlineNanos: number
  /** How long after a loss it reports that generation once more. */
  readonly gossipNanos: number | undefined
}

interface Workload {
  readonly settings: Settings
  readonly lives: ReadonlyArray<Life>
  readonly clients: ReadonlyArray<Client>
  /** When all is closed; when all clients are done, if it is undefined. */
  readonly closeNanos: number | undefined
}

// ----------------------------------------------------------------------------
// Drawn
// ----------------------------------------------------------------------------

const some = (unit: number): fc.Arbitrary<number> => lengthOf(unit).map((nanos) => nanos + unit)

const clientOf = (unit: number): fc.Arbitrary<Client> =>
  fc.record({
    atNanos: fc.oneof(fc.constant(0), lengthOf(unit), lengthOf(8 * unit)),
    calls: fc.integer({ min: 1, max: 4 }),
    workNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    holds: fc.constantFrom(false, false, false, true),
    deadlineNanos: fc.oneof(
      { weight: 2, arbitrary: fc.constant(Infinity) },
      { weight: 1, arbitrary: lengthOf(2 * unit) }
    ),
    gossipNanos: fc.option(fc.oneof(fc.constant(0), lengthOf(unit), lengthOf(4 * unit)), { nil: undefined })
  })

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  fc
    .record({
      baseNanos: some(unit),
      stableAfterNanos: fc.oneof(fc.constant(0), some(unit)),
      attemptTimeoutNanos: some(2 * unit),
      releaseTimeoutNanos: some(unit),
      probe: fc.option(fc.record({ intervalNanos: some(unit), timeoutNanos: some(unit) }), { nil: undefined })
    })
    .map((drawn): Settings => ({ ...drawn, capNanos: 8 * drawn.baseNanos }))
    .chain((settings) =>
      fc.record({
        settings: fc.constant(settings),
        lives: fc.array(lifeOf(unit, settings.probe !== undefined), { maxLength: 6 }),
        clients: fc.array(clientOf(unit), { minLength: 1, maxLength: 4 }),
        closeNanos: fc.oneof(
          { weight: 2, arbitrary: fc.constant(undefined) },
          { weight: 1, arbitrary: lengthOf(6 * unit) }
        )
      })
    )

const describe = ({ clients, closeNanos, lives, settings }: Workload): string =>
  [
    `delays from ${words(settings.baseNanos)}, stable after ${words(settings.stableAfterNanos)}`,
    `attempts of ${words(settings.attemptTimeoutNanos)}, releases of ${words(settings.releaseTimeoutNanos)}`,
    ...(settings.probe === undefined
      ? []
      : [
          `a probe each ${words(settings.probe.intervalNanos)} that may take ${words(settings.probe.timeoutNanos)}`
        ]),
    ...lives.map((life, index) => `attempt ${index + 1} ${describeLife(life)}`),
    ...clients.map(
      ({ atNanos, calls, deadlineNanos, gossipNanos, holds, workNanos }) =>
        `a client at ${words(atNanos)}, ${calls} calls of ${words(workNanos)}${holds ? " that cannot be interrupted" : ""}` +
        `${deadlineNanos === Infinity ? "" : `, each within ${words(deadlineNanos)}`}` +
        `${gossipNanos === undefined ? "" : `, which tells of a loss ${words(gossipNanos)} later`}`
    ),
    ...(closeNanos === undefined ? [] : [`closed at ${words(closeNanos)}`])
  ].join("; ")

// ----------------------------------------------------------------------------
// The run
// ----------------------------------------------------------------------------

type Session = Reconnect.Reconnect<Connection, Broken>

/** What a call came to, and when. */
interface Result {
  readonly tag: string
  readonly atNanos: number
}

const callOnce = (session: Session, backend: Backend, client: Client): Effect.Effect<Result> =>
  Effect.gen(function* () {
    const start = yield* now
    let used = 0
    const use = session.use((connection, generation) => {
      used = generation
      const work = Effect.andThen(
        backend.note("use", connection.attempt, generation),
        connection.call(client.workNanos)
      ).pipe(Effect.ensuring(backend.note("used", connection.attempt, generation)))
      return client.holds ? Effect.uninterruptible(work) : work
    })
    const exit = yield* Effect.exit(Deadline.within(use, toDuration(client.deadlineNanos)))
    const atNanos = yield* now
    const tag = tagOf(exit)
    yield* Check.always(
      "RC-8",
      atNanos - start <= client.deadlineNanos,
      () => `a call of ${words(client.deadlineNanos)} ended after ${words(atNanos - start)}: ${tag}`
    )
    yield* Check.sometimes(`a call is ${tag}`, true)
    if (tag === "ConnectionLost Lost" && client.gossipNanos !== undefined) {
      const late = Effect.flatMap(session.lose(used, Cause.fail("heard of late")), (wasNews) =>
        Check.always("RC-1", !wasNews, () => `generation ${used} was lost twice`)
      )
      yield* Effect.forkChild(Effect.andThen(sleep(client.gossipNanos), late))
    }
    return { tag, atNanos }
  })

const play = (session: Session, backend: Backend, client: Client): Effect.Effect<ReadonlyArray<Result>> =>
  Effect.gen(function* () {
    yield* sleepUntil(client.atNanos)
    const results: Array<Result> = []
    for (let call = 0; call < client.calls; call++) {
      let result = yield* callOnce(session, backend, client)
      results.push(result)
      // A client that is patient tries again what was cut off.
      while (client.deadlineNanos === Infinity && result.tag === "ConnectionLost Lost") {
        result = yield* callOnce(session, backend, client)
        results.push(result)
      }
    }
    return results
  })

/** By when a backend that becomes healthy has served every patient client: liveness. */
const patience = ({ clients, lives, settings }: Workload): number => {
  const { attemptTimeoutNanos, probe, releaseTimeoutNanos } = settings
  const each = lives.map(
    (life, index) =>
      attemptTimeoutNanos +
      life.prepareNanos +
      life.lifeNanos +
      (probe === undefined ? 0 : probe.intervalNanos + probe.timeoutNanos) +
      2 * releaseTimeoutNanos +
      delayAfter(settings, index + 1)
  )
  const work = clients.map(
    ({ atNanos, calls, deadlineNanos, workNanos }) =>
      atNanos + (calls + lives.length) * Math.min(workNanos + 1, deadlineNanos)
  )
  return [...each, ...work].reduce((sum, nanos) => sum + nanos, 0)
}

const open = ({ settings }: Workload, backend: Backend) =>
  Reconnect.make({
    label: "backend",
    connect: backend.connect,
    onConnect: backend.prepare,
    onLost: backend.lost,
    isLost: isBroken,
    probe: settings.probe && {
      check: ({ call }: Connection) => call(0),
      interval: toDuration(settings.probe.intervalNanos),
      timeout: toDuration(settings.probe.timeoutNanos)
    },
    backoff: Backoff.exponential({
      base: toDuration(settings.baseNanos),
      cap: toDuration(settings.capNanos),
      jitter: "none"
    }),
    stableAfter: toDuration(settings.stableAfterNanos),
    attemptTimeout: toDuration(settings.attemptTimeoutNanos),
    releaseTimeout: toDuration(settings.releaseTimeoutNanos)
  })

/** Closes: waiting for uses takes no longer than a release may, and nor does the release. Whoever waits or works is told at once. */
const close = (
  scope: Scope.Closeable,
  { settings }: Workload,
  clients: Fiber.Fiber<ReadonlyArray<Result>>,
  isEarly: boolean
) =>
  Effect.gen(function* () {
    const closing = Check.endsWithin(
      "RC-7",
      toDuration(2 * settings.releaseTimeoutNanos),
      Scope.close(scope, Exit.void)
    )
    const start = yield* now
    yield* closing
    const results = yield* Fiber.join(clients)
    const last = results.at(-1)
    yield* Check.always(
      "RC-7",
      !isEarly ||
        last === undefined ||
        last.atNanos <= start ||
        /Closed|NotConnected|served|Deadline/.test(last.tag),
      () => `after closing a call was ${last?.tag}`
    )
  })

/** The attempt that was under way at the end, and went on after it, although it would soon have ended. */
const openedLate = (
  backend: Backend,
  { attemptTimeoutNanos, releaseTimeoutNanos }: Settings,
  endNanos: number,
  closedNanos: number
): number | undefined => {
  const last = backend.of("attempt").at(-1)
  if (last === undefined || last.atNanos + attemptTimeoutNanos <= endNanos) return undefined
  const opened = backend.of("open").find(({ attempt }) => attempt === last.attempt)
  return opened !== undefined &&
    opened.atNanos > closedNanos &&
    opened.atNanos < endNanos + releaseTimeoutNanos
    ? last.attempt
    : undefined
}

const run = (workload: Workload) =>
  Effect.gen(function* () {
    const released = yield* Latch.make()
    const backend = new Backend(workload.lives, released)
    const scope = yield* Scope.make()
    const session = yield* Scope.provide(open(workload, backend), scope)
    const playing = Effect.map(
      Effect.forEach(workload.clients, (client) => play(session, backend, client), {
        concurrency: "unbounded"
      }),
      (results) => results.flat()
    )
    const bounded = Check.endsWithin("RC-6", toDuration(patience(workload)), playing)
    const clients = yield* Effect.forkChild(bounded)
    if (workload.closeNanos === undefined) yield* Fiber.await(clients)
    else yield* sleep(workload.closeNanos)
    const endNanos = yield* now
    yield* close(scope, workload, clients, workload.closeNanos !== undefined)
    const closedNanos = yield* now
    const attempts = backend.of("attempt").length
    const uses = backend.of("use").length
    yield* judge(backend, workload.settings, endNanos)
    yield* Check.sometimes("a third generation", backend.of("preparing").length >= 3)
    yield* released.open
    // Whatever was left behind ends.
    yield* sleep(1000 * second)
    yield* TestClock.adjust(0)
    yield* Check.always(
      "RC-7",
      backend.of("attempt").length === attempts,
      "an attempt was made after the end"
    )
    yield* Check.always("RC-7", backend.of("use").length === uses, "a use began after the end")
    const late = openedLate(backend, workload.settings, endNanos, closedNanos)
    yield* Check.always("RC-10", late === undefined, () => `attempt ${late} opened something after the end`)
  }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>()))

const reaches = [
  "a third generation",
  "a call is served",
  "a call is ConnectionLost Lost",
  "a call is DeadlineExceeded"
]

const common = {
  arbitrary: fc.oneof(workloadOf(1e6), workloadOf(second)),
  run,
  leaks: "RC-10",
  describe
}

const anywhere = Suite.make({
  ...common,
  name: "Reconnect",
  guarantees: ["RC-1", "RC-2", "RC-3", "RC-4", "RC-5", "RC-6", "RC-7", "RC-8", "RC-9", "RC-10"],
  reaches: [...reaches, "a call is NotConnected Closed", "a call is ConnectionLost Closed"]
})

const stock = Suite.make({
  ...common,
  name: "Reconnect on the stock scheduler",
  guarantees: ["RC-1", "RC-2", "RC-3", "RC-4", "RC-5", "RC-6", "RC-7", "RC-8", "RC-9", "RC-10"],
  level: "realistic",
  reaches
})

export const suites: ReadonlyArray<Suite.Suite> = [anywhere, stock]
