/** A log that is read over a connection that breaks: nothing of it is lost, and nothing comes twice. */
import { Reconnect } from "@holdfast/core"
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Cause, Effect, Exit, Fiber, Logger, Option, Scope, Stream } from "effect"
import * as fc from "fast-check"
import { lengthOf, now, second, sleep, toDuration, wait, words } from "./support/time.ts"

interface Loss {
  readonly afterNanos: number
  /** Whoever reads finds out by an error of the connection; otherwise somebody reports it. */
  readonly isHeard: boolean
}

interface Workload {
  readonly via: "streamFrom" | "longPoll"
  /** How long each entry takes to come, in turns. */
  readonly pacesNanos: ReadonlyArray<number>
  readonly losses: ReadonlyArray<Loss>
  /** How long the reader takes for an entry. */
  readonly readNanos: number
  readonly connectNanos: number
  /** How long each subscription takes to begin. */
  readonly handshakeNanos: number
  /** How long what a subscription holds takes to be released. */
  readonly releaseNanos: number
  /** The source cannot be interrupted while it waits. */
  readonly isStubborn: boolean
  readonly entries: number
  /** How many entries a cursor is given at once. */
  readonly page: number
  /** When the reader is interrupted. */
  readonly interruptNanos: number | undefined
}

const workloadOf = (unit: number): fc.Arbitrary<Workload> =>
  fc.record({
    via: fc.constantFrom<Workload["via"]>("streamFrom", "longPoll"),
    pacesNanos: fc.array(fc.oneof(fc.constant(0), lengthOf(unit)), { minLength: 1, maxLength: 3 }),
    losses: fc.array(fc.record({ afterNanos: lengthOf(2 * unit), isHeard: fc.boolean() }), { maxLength: 5 }),
    readNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    connectNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    handshakeNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    releaseNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    isStubborn: fc.boolean(),
    entries: fc.integer({ min: 1, max: 8 }),
    page: fc.integer({ min: 1, max: 3 }),
    interruptNanos: fc.option(lengthOf(8 * unit), { nil: undefined })
  })

const describe = (workload: Workload): string =>
  [
    `${workload.entries} entries by ${workload.via}${workload.via === "streamFrom" ? `, ${workload.page} at once` : ""}, which come after ${workload.pacesNanos.map(words).join(", ")} in turns`,
    `each is read in ${words(workload.readNanos)}`,
    `a connect takes ${words(workload.connectNanos)}, a subscription ${words(workload.handshakeNanos)}, its release ${words(workload.releaseNanos)}`,
    ...(workload.isStubborn ? ["the source cannot be interrupted"] : []),
    ...workload.losses.map(
      ({ afterNanos, isHeard }) =>
        `lost ${words(afterNanos)} later, ${isHeard ? "by an error" : "as is reported"}`
    ),
    ...(workload.interruptNanos === undefined
      ? []
      : [`the reader is interrupted ${words(workload.interruptNanos)} after its start`])
  ].join("; ")

class Cut {
  readonly _tag = "Cut"
}

interface Connection {
  readonly isCut: { value: boolean }
}

/** The entry after `last`, when it comes; the log itself never changes. */
const entryAfter = ({ isStubborn, pacesNanos }: Workload, { isCut }: Connection, last: number) => {
  const coming = Effect.andThen(
    wait(pacesNanos[last % pacesNanos.length] ?? 0),
    Effect.suspend(() => (isCut.value ? Effect.fail(new Cut()) : Effect.succeed(last + 1)))
  )
  return isStubborn ? Effect.uninterruptible(coming) : coming
}

/** A stream that holds something, and takes some time to begin. */
const after = <A, E, R>(
  hold: Effect.Effect<void, never, Scope.Scope>,
  nanos: number,
  stream: Stream.Stream<A, E, R>
) => Stream.scoped(Stream.fromPull(Effect.andThen(Effect.andThen(hold, wait(nanos)), Stream.toPull(stream))))

const read = (session: Reconnect.Reconnect<Connection, Cut>, workload: Workload, held: { count: number }) => {
  const hold = Effect.acquireRelease(
    Effect.sync(() => {
      held.count++
    }),
    () =>
      Effect.andThen(
        wait(workload.releaseNanos),
        Effect.sync(() => {
          held.count--
        })
      )
  )
  if (workload.via === "streamFrom") {
    return session.streamFrom({
      initial: 0,
      subscribe: (connection, cursor) =>
        after(
          hold,
          workload.handshakeNanos,
          Stream.paginate(cursor, (last) =>
            Effect.map(entryAfter(workload, connection, last), (entry) => {
              const entries = Array.from({ length: workload.page }, (_, index) => entry + index)
              return [entries, Option.some(entry + workload.page - 1)] as const
            })
          )
        ),
      next: (_, entry) => entry
    })
  }
  // Each poll says what it has: the next of what was taken, as an offset would.
  let taken = 0
  return Stream.map(
    session.longPoll(
      (connection) =>
        Effect.map(
          Effect.suspend(() => entryAfter(workload, connection, taken)),
          Option.some
        ),
      { pollTimeout: "1 second" }
    ),
    (item) => {
      if (item._tag === "Value") taken = item.value
      return item
    }
  )
}

/** Entries in order, and a seam wherever the generation changes, which tells of that change, and of no more time than there was. */
const judge = (items: ReadonlyArray<Reconnect.Item<number>>, elapsedNanos: number): string | undefined => {
  let last = 0
  let generation = 0
  let seam: Reconnect.Gap | undefined
  for (const item of items) {
    if (item._tag === "Seam") {
      if (
        item.gap.from >= item.gap.to ||
        (generation !== 0 && seam === undefined && item.gap.from !== generation)
      )
        return `a seam from ${item.gap.from} to ${item.gap.to}`
      if (seam !== undefined && seam.to !== item.gap.from)
        return `seams to ${seam.to} and from ${item.gap.from}`
      if (item.gap.lostAfterMillis < 0 || item.gap.disconnectedMillis < 0) return "a gap of less than nothing"
      if ((item.gap.lostAfterMillis + item.gap.disconnectedMillis) * 1e6 > elapsedNanos + 1)
        return `a gap of more than ${words(elapsedNanos)}`
      seam = item.gap
      continue
    }
    if (item.value !== last + 1) return `entry ${item.value} came after ${last}`
    if (generation !== 0 && item.generation !== generation && seam?.to !== item.generation) {
      return `entry ${item.value} is of generation ${item.generation}, and no seam says so`
    }
    last = item.value
    generation = item.generation
    seam = undefined
  }
  return undefined
}

const run = (workload: Workload) =>
  Effect.gen(function* () {
    const scope = yield* Scope.make()
    const live: Array<Connection> = []
    const held = { count: 0 }
    const release = Effect.suspend(() =>
      Check.always("RC-3", held.count === 0, () => `${held.count} subscriptions hold what is released`)
    )
    const open = Effect.sync(() => {
      const connection: Connection = { isCut: { value: false } }
      live.push(connection)
      return connection
    })
    const connect = Effect.andThen(
      wait(workload.connectNanos),
      Effect.acquireRelease(open, () => release)
    )
    const session = yield* Scope.provide(
      Reconnect.make({
        connect,
        isLost: (error) => error instanceof Cut,
        stableAfter: 0,
        releaseTimeout: "1 hour"
      }),
      scope
    )
    const items: Array<Reconnect.Item<number>> = []
    const hear = (item: Reconnect.Item<number>) =>
      Effect.andThen(
        Effect.sync(() => {
          items.push(item)
        }),
        item._tag === "Value" ? wait(workload.readNanos) : Effect.void
      )
    const isLast = (item: Reconnect.Item<number>) => item._tag === "Value" && item.value === workload.entries
    // Not at the origin of all clocks.
    yield* sleep(1000 * second)
    const start = yield* now
    const reading = yield* Effect.forkChild(
      Stream.runForEach(Stream.takeUntil(read(session, workload, held), isLast), hear)
    )
    const losing = Effect.gen(function* () {
      for (const { afterNanos, isHeard } of workload.losses) {
        yield* sleep(afterNanos)
        const connection = live.at(-1)
        if (isHeard) {
          if (connection !== undefined) connection.isCut.value = true
        } else yield* session.lose(live.length, Cause.fail("reported"))
      }
    })
    const losses = yield* Effect.forkChild(losing)
    const { interruptNanos } = workload
    if (interruptNanos !== undefined) {
      yield* sleep(interruptNanos)
      const ending = Fiber.interrupt(reading)
      // What cannot be interrupted is waited for.
      yield* workload.isStubborn
        ? ending
        : Check.endsWithin("RC-11", toDuration(workload.releaseNanos), ending)
    }
    const exit = yield* Fiber.await(reading)
    yield* Fiber.await(losses)
    const wasInterrupted = interruptNanos !== undefined && Exit.hasInterrupts(exit)
    yield* Check.always("RC-11", wasInterrupted || Exit.isSuccess(exit), () => String(exit))
    const problem = judge(items, (yield* now) - start)
    yield* Check.always("RC-11", problem === undefined, () => problem ?? "")
    const values = items.filter(({ _tag }) => _tag === "Value").length
    yield* Check.always(
      "RC-11",
      wasInterrupted || values === workload.entries,
      () => `${values} of ${workload.entries} entries came`
    )
    yield* Check.sometimes("a reader is interrupted", wasInterrupted)
    yield* Check.sometimes("two seams", items.length - values >= 2)
    yield* Check.sometimes("a seam before the first entry", items[0]?._tag === "Seam")
    // The last loss may have been at this instant: then a subscription is still being released.
    const { isStubborn, pacesNanos, releaseNanos } = workload
    const leavingNanos = releaseNanos + (isStubborn ? Math.max(...pacesNanos) : 0)
    yield* Check.endsWithin("RC-7", toDuration(leavingNanos), Scope.close(scope, Exit.void))
    // What could not be interrupted ends.
    yield* sleep(1000 * second)
  }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>()))

export const suites: ReadonlyArray<Suite.Suite> = [
  Suite.make({
    name: "Reconnect streams",
    guarantees: ["RC-3", "RC-7", "RC-10", "RC-11"],
    arbitrary: fc.oneof(workloadOf(1e6), workloadOf(second)),
    run,
    leaks: "RC-10",
    reaches: ["two seams", "a seam before the first entry", "a reader is interrupted"],
    describe
  })
]
