/** Ways in which `Reconnect` was once broken on purpose. */
import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, InvalidOptions, Reconnect } from "@holdfast/core"
import { Simulation } from "@holdfast/sim"
import {
  Cause,
  Clock,
  Config,
  ConfigProvider,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Logger,
  Option,
  Queue,
  Schedule,
  Schema,
  Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { TestClock } from "effect/testing"

class Broken extends Schema.TaggedError<Broken>("test/Broken")("Broken", {}) {}

const isLost = (error: unknown): error is Broken => error instanceof Broken

const quiet = Logger.layer([])

const gone = Cause.fail("unplugged")

const seconds = Effect.map(Clock.currentTimeMillis, (millis) => millis / 1000)

/** Lets whatever can be done now be done. */
const settle = TestClock.adjust(0)

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

/** Its acquisition and its release are events. */
const resource = (events: Array<string>, name: string, release: Effect.Effect<unknown> = Effect.void) =>
  Effect.acquireRelease(
    Effect.sync(() => void events.push(`open ${name}`)),
    () =>
      Effect.andThen(
        release,
        Effect.sync(() => void events.push(`close ${name}`))
      )
  )

describe("releasing", () => {
  it.effect("RC-3: who does not wait for a release still wants it done", () =>
    Effect.gen(function* () {
      // Given a connection for whose release nobody waits
      const events: Array<string> = []
      const session = yield* Reconnect.make({
        connect: resource(events, "socket"),
        isLost,
        stableAfter: 0,
        releaseTimeout: 0,
        onLost: () => Effect.sync(() => void events.push("lost"))
      })
      yield* session.awaitConnected()
      // When it is lost
      yield* session.lose(1, gone)
      yield* settle
      // Then it is released nevertheless
      assert.deepStrictEqual(events, ["open socket", "lost", "close socket", "open socket"])
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("RC-3: what onConnect holds and cannot release keeps no socket open", () =>
    Effect.gen(function* () {
      // Given an onConnect that left something whose release hangs
      const events: Array<string> = []
      const session = yield* Reconnect.make({
        connect: resource(events, "socket"),
        isLost,
        stableAfter: 0,
        releaseTimeout: "1 second",
        onConnect: (_, generation) =>
          Effect.acquireRelease(Effect.void, () => (generation === 1 ? Effect.never : Effect.void))
      })
      yield* session.awaitConnected()
      // When the generation is lost
      yield* session.lose(1, gone)
      yield* TestClock.adjust("1 second")
      // Then the socket is closed after the time for a release, and before the next is opened
      assert.deepStrictEqual(events, ["open socket", "close socket", "open socket"])
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("RC-7: uses have ended when the connection is closed", () =>
    Effect.gen(function* () {
      // Given a use that says goodbye on the connection when it is interrupted, which takes a moment
      const events: Array<string> = []
      const scope = yield* Scope.make()
      const session = yield* Scope.provide(
        Reconnect.make({ connect: resource(events, "socket"), isLost }),
        scope
      )
      yield* session.awaitConnected()
      const heard = yield* Deferred.make<void>()
      const goodbye = Effect.andThen(
        Deferred.await(heard),
        Effect.sync(() => void events.push("goodbye"))
      )
      yield* fork(session.use(() => Effect.onInterrupt(Effect.never, () => goodbye)))
      // When all is closed
      const closing = yield* fork(Scope.close(scope, Exit.void))
      yield* TestClock.adjust("1 second")
      yield* Deferred.succeed(heard, undefined)
      yield* settle
      // Then the connection is there until the goodbye is said
      assert.isDefined(closing.pollUnsafe())
      assert.deepStrictEqual(events, ["open socket", "goodbye", "close socket"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect.each(["lost", "closed"] as const)(
    "RC-3, RC-7: what a subscription holds is released before the connection, also while it is read (%s)",
    (end) =>
      Effect.gen(function* () {
        // Given a subscription that is read, and whose release takes a moment
        const events: Array<string> = []
        const scope = yield* Scope.make()
        const released = yield* Deferred.make<void>()
        const session = yield* Scope.provide(
          Reconnect.make({ connect: resource(events, "socket"), isLost, stableAfter: 0 }),
          scope
        )
        const subscription = Effect.as(
          resource(events, "subscription", Deferred.await(released)),
          Stream.concat(Stream.make("a"), Stream.never)
        )
        const reader = yield* fork(
          Stream.runDrain(
            session.stream((_, { generation }) =>
              generation === 1 ? Stream.unwrap(subscription) : Stream.never
            )
          )
        )
        yield* settle
        // When the connection is lost, or closed
        const ending = yield* fork(end === "lost" ? session.lose(1, gone) : Scope.close(scope, Exit.void))
        yield* settle
        yield* Deferred.succeed(released, undefined)
        yield* settle
        // Then the one is released after the other
        assert.deepStrictEqual(events, [
          "open socket",
          "open subscription",
          "close subscription",
          "close socket",
          ...(end === "lost" ? ["open socket"] : [])
        ])
        yield* Fiber.await(ending)
        yield* Fiber.interrupt(reader)
        yield* Scope.close(scope, Exit.void)
      }).pipe(Effect.provide(quiet))
  )

  it.effect("RC-7, RC-10: an attempt that is cut off has ended when all is closed", () =>
    Effect.gen(function* () {
      // Given an attempt that is opening something, which nobody can interrupt
      const events: Array<string> = []
      const scope = yield* Scope.make()
      const opened = yield* Deferred.make<void>()
      const connect = Effect.acquireRelease(
        Effect.andThen(
          Deferred.await(opened),
          Effect.sync(() => void events.push("open"))
        ),
        () => Effect.sync(() => void events.push("close"))
      )
      yield* Scope.provide(Reconnect.make({ connect, isLost }), scope)
      yield* settle
      // When all is closed
      const closing = yield* fork(
        Effect.andThen(
          Scope.close(scope, Exit.void),
          Effect.sync(() => void events.push("closed"))
        )
      )
      yield* settle
      yield* Deferred.succeed(opened, undefined)
      yield* Fiber.join(closing)
      // Then nothing is opened any more
      assert.deepStrictEqual(events, ["open", "close", "closed"])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("RC-3: a subscription whose consumer is slow works no more on a connection that is lost", () =>
    Effect.gen(function* () {
      // Given a subscription that asks once in a second, and a consumer that takes an hour for each element
      let asked = 0
      const session = yield* Reconnect.make({ connect: Effect.void, isLost, stableAfter: 0 })
      const asking = Stream.callback<number>((queue) =>
        Effect.forever(
          Effect.andThen(
            Effect.sleep("1 second"),
            Effect.suspend(() => Queue.offer(queue, ++asked))
          )
        )
      )
      const reader = yield* fork(
        Stream.runForEach(
          session.stream((_, { generation }) => (generation === 1 ? asking : Stream.never)),
          () => Effect.sleep("1 hour")
        )
      )
      yield* TestClock.adjust("10 seconds")
      const before = asked
      // When the connection is lost
      yield* session.lose(1, gone)
      yield* TestClock.adjust("5 minutes")
      // Then it is asked no more
      assert.isAbove(before, 0)
      assert.strictEqual(asked, before)
      yield* Fiber.interrupt(reader)
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect.each(["probe", "onLost"] as const)(
    "RC-10: what %s acquires is released when it has ended",
    (who) =>
      Effect.gen(function* () {
        // Given a callback that acquires something each time
        let open = 0
        const acquire = Effect.acquireRelease(
          Effect.sync(() => void open++),
          () => Effect.sync(() => void open--)
        )
        const session = yield* Reconnect.make({
          connect: Effect.void,
          isLost,
          stableAfter: 0,
          onLost: () => (who === "onLost" ? acquire : Effect.void),
          probe: { check: () => (who === "probe" ? acquire : Effect.void) }
        })
        // When it is called many times
        for (let generation = 1; generation <= 10; generation++) {
          yield* session.awaitConnected()
          yield* TestClock.adjust("10 seconds")
          yield* session.lose(generation, gone)
          yield* settle
        }
        // Then nothing is held
        assert.strictEqual(open, 0)
      }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it("RC-10: no timer is left when all is closed", () => {
    // Given an attempt, or a probe, that never ends, cannot be interrupted, and has an hour
    const stubborn = Effect.uninterruptible(Effect.never)
    for (const who of ["connect", "probe"]) {
      const program = Effect.gen(function* () {
        const scope = yield* Scope.make()
        yield* Scope.provide(
          Reconnect.make({
            connect: who === "connect" ? stubborn : Effect.void,
            isLost,
            attemptTimeout: "1 hour",
            releaseTimeout: "1 second",
            probe: { check: () => stubborn, interval: "1 second", timeout: "1 hour" }
          }),
          scope
        )
        yield* Effect.sleep("2 seconds")
        // When all is closed
        yield* Scope.close(scope, Exit.void)
      }).pipe(Effect.provide(quiet))
      const { exit, leaks } = Simulation.run(program)
      // Then nothing waits for that hour
      assert.isTrue(Exit.isSuccess(exit))
      assert.deepStrictEqual([who, leaks.timers], [who, 0])
    }
  })
})

describe("deciding", () => {
  it.effect("the status is what a waiter is told, already when it is told", () =>
    Effect.gen(function* () {
      // Given somebody who waits for a connection, and somebody who waits for the end
      const look = (session: Reconnect.Reconnect<void, Broken>) =>
        Effect.map(SubscriptionRef.get(session.status), ({ _tag }) => _tag)
      const up = yield* Reconnect.make({ connect: Effect.sleep("1 second"), isLost })
      const waiting = yield* fork(Effect.andThen(up.awaitConnected(), look(up)))
      const down = yield* Reconnect.make({
        connect: Effect.andThen(Effect.sleep("1 second"), Effect.fail("refused")),
        isLost,
        giveUp: { attempts: 1 }
      })
      const ending = yield* fork(Effect.andThen(Effect.flip(down.terminated), look(down)))
      // When they are told
      yield* TestClock.adjust("1 second")
      // Then the status says the same, and so it does right after a loss
      assert.strictEqual(yield* Effect.flatten(Fiber.join(waiting)), "Connected")
      assert.strictEqual(yield* Effect.flatten(Fiber.join(ending)), "Closed")
      yield* up.lose(1, gone)
      assert.notStrictEqual(yield* look(up), "Connected")
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("RC-7: a status that somebody else holds keeps nobody from closing", () =>
    Effect.gen(function* () {
      // Given a program that holds the status, although it is not its own
      const scope = yield* Scope.make()
      const session = yield* Scope.provide(Reconnect.make({ connect: Effect.void, isLost }), scope)
      yield* session.awaitConnected()
      const holder = yield* fork(SubscriptionRef.updateEffect(session.status, () => Effect.never))
      // When the connection is closed
      const closing = yield* fork(Scope.close(scope, Exit.void))
      yield* settle
      // Then it is
      assert.isDefined(closing.pollUnsafe())
      yield* Fiber.interrupt(holder)
    }).pipe(Effect.provide(quiet))
  )

  it.effect("RC-7: a backoff that hangs keeps nobody from closing", () =>
    Effect.gen(function* () {
      // Given a backoff whose next delay never comes
      const scope = yield* Scope.make()
      const hangs = Schedule.modifyDelay(Schedule.spaced("1 second"), () => Effect.never)
      yield* Scope.provide(Reconnect.make({ connect: Effect.fail("refused"), isLost, backoff: hangs }), scope)
      yield* settle
      // When the connection is closed
      const closing = yield* fork(Scope.close(scope, Exit.void))
      yield* settle
      // Then it is
      assert.isDefined(closing.pollUnsafe())
    }).pipe(Effect.provide(quiet))
  )

  it.effect("a backoff that interrupts itself is beyond repair, as one that dies is", () =>
    Effect.gen(function* () {
      // Given a backoff whose next delay interrupts whoever asks for it
      const interrupts = Schedule.modifyDelay(Schedule.spaced("1 second"), () => Effect.interrupt)
      const session = yield* Reconnect.make({
        connect: Effect.fail("refused"),
        isLost,
        backoff: interrupts
      })
      // When an attempt fails
      const waiting = yield* fork(session.awaitConnected())
      yield* settle
      // Then the supervisor gives up, and whoever waits is told
      assert.deepInclude(yield* Effect.flip(session.terminated), { limit: "Unrecoverable" })
      assert.include(String(yield* Fiber.join(waiting)), "GaveUp")
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("an onConnect that hangs does not outlast the time after which all is given up", () =>
    Effect.gen(function* () {
      // Given an onConnect that hangs, and 10 seconds for everything
      const session = yield* Reconnect.make({
        connect: Effect.sleep("4 seconds"),
        isLost,
        onConnect: () => Effect.never,
        giveUp: { after: "10 seconds" }
      })
      const ended = yield* fork(Effect.andThen(Effect.flip(session.terminated), seconds))
      // When they are over
      yield* TestClock.adjust("1 minute")
      // Then the supervisor has given up
      assert.deepStrictEqual(yield* Fiber.join(ended), Exit.succeed(10))
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it("a wait is as long as it says, however often a generation comes and goes meanwhile", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const program = Effect.gen(function* () {
        // Given a connection that is lost as soon as it is there, again and again
        const session = yield* Reconnect.make({
          connect: Effect.sleep("900 millis"),
          isLost,
          backoff: Backoff.constant("100 millis")
        })
        yield* Effect.forkChild(
          Effect.forever(
            Effect.flatMap(session.awaitConnected(), (generation) => session.lose(generation, gone))
          )
        )
        // When somebody waits for it
        const start = yield* seconds
        yield* Effect.exit(session.use(() => Effect.never, { wait: "1500 millis" }))
        return (yield* seconds) - start
      }).pipe(Effect.scoped, Effect.provide(quiet))
      const { exit } = Simulation.run(program, { seed })
      // Then the wait ends in time
      assert.isTrue(Exit.isSuccess(exit) && exit.value <= 1.5, `seed ${seed}: ${String(exit)}`)
    }
  })

  it.effect("RC-9: the interval of the probe is from one check to the next, also when checks take long", () =>
    Effect.gen(function* () {
      // Given checks that take 400 ms, once in a second
      const at: Array<number> = []
      yield* Reconnect.make({
        connect: Effect.void,
        isLost,
        probe: {
          check: () =>
            Effect.andThen(
              Effect.map(seconds, (now) => void at.push(now)),
              Effect.sleep("400 millis")
            )
        }
      })
      // When some time goes by
      yield* TestClock.adjust("4 seconds")
      // Then one begins each second
      assert.deepStrictEqual(at, [1, 2, 3, 4])
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("an onConnect that fails is a failed attempt, and no loss of what was never connected", () =>
    Effect.gen(function* () {
      // Given an onConnect that fails once
      const seen: Array<string> = []
      const session = yield* Reconnect.make({
        connect: Effect.void,
        isLost,
        backoff: Backoff.constant("1 second"),
        onConnect: (_, generation) => (generation === 1 ? Effect.fail("not ready") : Effect.void)
      })
      // When it connects in the end
      yield* fork(
        Stream.runForEach(SubscriptionRef.changes(session.status), ({ _tag }) =>
          Effect.sync(() => void seen.push(_tag))
        )
      )
      yield* TestClock.adjust("1 second")
      // Then the status has never been Lost
      assert.deepStrictEqual(new Set(seen), new Set(["Connecting", "Connected"]))
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect.each(["GaveUp", "Closed"] as const)(
    "a waiter that hears of the end (%s) is told how long it waited",
    (end) =>
      Effect.gen(function* () {
        // Given somebody who waits for a connection that never comes
        const scope = yield* Scope.make()
        const session = yield* Scope.provide(
          Reconnect.make({
            connect: Effect.andThen(Effect.sleep("3 seconds"), Effect.fail("refused")),
            isLost,
            giveUp: { attempts: end === "GaveUp" ? 1 : 2 }
          }),
          scope
        )
        const waiting = yield* fork(Effect.flip(session.awaitConnected()))
        // When all ends after 3 seconds
        yield* TestClock.adjust("3 seconds")
        yield* Scope.close(scope, Exit.void)
        // Then the error says so
        assert.deepInclude(yield* Effect.flatten(Fiber.join(waiting)), { reason: end, waitedMillis: 3000 })
      }).pipe(Effect.provide(quiet))
  )

  it.effect("settings in upper case are found, the limits among them", () =>
    Effect.gen(function* () {
      // Given environment variables as other services have them
      const env = { NODE_GIVE_UP_ATTEMPTS: "2", NODE_GIVE_UP_AFTER: "1 minute", NODE_ON_LOSS: "exit" }
      const provider = ConfigProvider.fromEnvRecord(env).pipe(ConfigProvider.constantCase)
      // When they are read
      const settings = yield* Config.schema(Reconnect.Settings, "node").parse(provider)
      // Then they are options, and the other way round they are the same
      assert.deepStrictEqual(settings, {
        giveUp: { attempts: 2, after: Duration.minutes(1) },
        onLoss: "exit"
      })
      const encoded = yield* Schema.encodeEffect(Reconnect.Settings)(settings)
      assert.deepStrictEqual(yield* Schema.decodeEffect(Reconnect.Settings)(encoded), settings)
    })
  )

  it("times of no length are refused where they mean nothing", () => {
    const options = { connect: Effect.void, isLost }
    const wrong: ReadonlyArray<() => unknown> = [
      () => Reconnect.make({ ...options, attemptTimeout: 0 }),
      () => Reconnect.make({ ...options, giveUp: { after: 0 } }),
      () => Reconnect.make({ ...options, probe: { check: () => Effect.void, interval: 0 } }),
      () => Reconnect.make({ ...options, probe: { check: () => Effect.void, timeout: 0 } }),
      () => Reconnect.establish(Effect.void, { deadline: "1 second", attempts: 1, attemptTimeout: 0 })
    ]
    for (const make of wrong) assert.throws(make, InvalidOptions)
  })
})

describe("streams", () => {
  /** A subscription that has to wait for its first answer before it has begun. */
  const handshake = (delay: Duration.Input, stream: Stream.Stream<string>) =>
    Stream.scoped(Stream.fromPull(Effect.andThen(Effect.sleep(delay), Stream.toPull(stream))))

  it.effect("RC-11: a reader that waits for the next generation can be interrupted", () =>
    Effect.gen(function* () {
      // Given a subscription whose generation is lost before it has begun, and no further generation
      let attempts = 0
      const session = yield* Reconnect.make({
        connect: Effect.suspend(() => (++attempts === 1 ? Effect.void : Effect.never)),
        isLost,
        attemptTimeout: "1 day"
      })
      const reader = yield* fork(Stream.runDrain(session.stream(() => handshake("2 seconds", Stream.never))))
      yield* TestClock.adjust("1 second")
      yield* session.lose(1, gone)
      yield* settle
      // When the reader is interrupted
      const interrupting = yield* fork(Fiber.interrupt(reader))
      yield* settle
      // Then it ends at once
      assert.isDefined(interrupting.pollUnsafe())
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("a ConnectionLost of another connection is an error as any other", () =>
    Effect.gen(function* () {
      // Given a stream over one connection, whose elements come from another one
      const outer = yield* Reconnect.make({ label: "outer", connect: Effect.void, isLost })
      const inner = yield* Reconnect.make({ label: "inner", connect: Effect.void, isLost })
      const asking = Stream.fromEffect(inner.use(() => Effect.fail(new Broken())))
      // When the other one is lost
      const error = yield* Effect.flip(Stream.runDrain(outer.stream(() => asking)))
      // Then the stream says so, and its own connection is well
      assert.deepInclude(error, { _tag: "ConnectionLost", label: "inner" })
      assert.isTrue(yield* outer.connected)
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect(
    "RC-11: a gap goes from what was heard last to what is heard next, whatever was lost between",
    () =>
      Effect.gen(function* () {
        // Given a reader that has heard of generation 1 at 100 s
        yield* TestClock.adjust("100 seconds")
        const session = yield* Reconnect.make({ connect: Effect.void, isLost, stableAfter: 0 })
        const gaps: Array<Reconnect.Gap> = []
        const stream = session.stream((_, { generation }) =>
          generation === 1
            ? Stream.concat(Stream.make("a"), Stream.never)
            : handshake("3 seconds", Stream.never)
        )
        const reader = yield* fork(
          Stream.runForEach(stream, (item) =>
            Effect.sync(() => {
              if (item._tag === "Seam") gaps.push(item.gap)
            })
          )
        )
        // When it is lost after 2 seconds, and generation 2 after 1 more, before the subscription has begun
        yield* TestClock.adjust("2 seconds")
        yield* session.lose(1, gone)
        yield* TestClock.adjust("1 second")
        yield* session.lose(2, Cause.fail("again"))
        yield* TestClock.adjust("3 seconds")
        // Then the one seam tells of all of it
        assert.deepStrictEqual(gaps, [
          { from: 1, to: 3, lostAfterMillis: 2000, disconnectedMillis: 1000, cause: gone }
        ])
        yield* Fiber.interrupt(reader)
      }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("RC-11: a gap before the first subscription begins when that was asked for", () =>
    Effect.gen(function* () {
      // Given a subscription, asked for at 1000 s, that takes 10 seconds to begin
      yield* TestClock.adjust("1000 seconds")
      const session = yield* Reconnect.make({ connect: Effect.void, isLost, stableAfter: 0 })
      const stream = session.stream(() => handshake("10 seconds", Stream.make("a")))
      const reader = yield* fork(Stream.runCollect(stream))
      // When its generation is lost 2 seconds later
      yield* TestClock.adjust("2 seconds")
      yield* session.lose(1, gone)
      yield* TestClock.adjust("10 seconds")
      // Then the gap is of 2 seconds
      const [seam] = yield* Effect.flatten(Fiber.join(reader))
      assert.deepInclude(seam?._tag === "Seam" ? seam.gap : {}, { from: 1, to: 2, lostAfterMillis: 2000 })
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("a long-poll whose timer ends a little early has waited its time", () =>
    Effect.gen(function* () {
      // Given a long-poll that comes back after 96 of its 100 ms
      const session = yield* Reconnect.make({ connect: Effect.void, isLost })
      let calls = 0
      const poll = Effect.as(
        Effect.andThen(
          Effect.sync(() => void calls++),
          Effect.sleep("96 millis")
        ),
        Option.none()
      )
      const reader = yield* fork(Stream.runDrain(session.longPoll(() => poll, { pollTimeout: "100 millis" })))
      // When a second goes by
      yield* TestClock.adjust("960 millis")
      // Then the next one has always followed at once
      assert.strictEqual(calls, 11)
      yield* Fiber.interrupt(reader)
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )
})

describe("establish", () => {
  it("a connection that comes at the very end of the time is given, or closed, and never kept in between", () => {
    for (const limit of ["deadline", "attemptTimeout"])
      for (let seed = 1; seed <= 200; seed++) {
        // Given a connection that takes as long as it may
        const program = Effect.gen(function* () {
          let open = 0
          const connect = Effect.andThen(
            Effect.sleep("1 second"),
            Effect.acquireRelease(
              Effect.sync(() => void open++),
              () => Effect.sync(() => void open--)
            )
          )
          const scope = yield* Scope.make()
          // When it is established, or not
          const exit = yield* Effect.exit(
            Scope.provide(
              Reconnect.establish(connect, {
                deadline: limit === "deadline" ? "1 second" : "1 hour",
                attempts: 2,
                attemptTimeout: limit === "deadline" ? "1 hour" : "1 second"
              }),
              scope
            )
          )
          yield* Effect.sleep("1 second")
          // Then it is open just when somebody has it
          const held = open
          yield* Scope.close(scope, Exit.void)
          return [held === (Exit.isSuccess(exit) ? 1 : 0), open === 0]
        })
        const { exit } = Simulation.run(program, { seed })
        assert.deepStrictEqual([limit, seed, exit], [limit, seed, Exit.succeed([true, true])])
      }
  })

  it.effect("the time for it is over when it is there: a release has its own", () =>
    Effect.gen(function* () {
      // Given a connection whose release has a deadline of its own
      let left = Duration.zero
      const look = Effect.map(Deadline.remaining, (remaining) => {
        left = remaining
      })
      const scope = yield* Scope.make()
      const connect = Effect.acquireRelease(Effect.void, () =>
        Effect.orDie(Deadline.within(look, "2 seconds"))
      )
      yield* Scope.provide(Reconnect.establish(connect, { deadline: "1 second", attempts: 1 }), scope)
      // When it is released long after
      yield* TestClock.adjust("1 hour")
      yield* Scope.close(scope, Exit.void)
      // Then it is that one that counts
      assert.strictEqual(Duration.toSeconds(left), 2)
    })
  )
})

describe("self-harm", () => {
  it.effect("RC-1: a use that reports its own loss is told, and interrupted", () =>
    Effect.gen(function* () {
      // Given a use that reports its generation lost as its first step, and goes on
      const session = yield* Reconnect.make({ connect: Effect.void, isLost, stableAfter: 0 })
      yield* session.awaitConnected()
      let wentOn = false
      const use = session.use((_, generation) =>
        session.lose(generation, gone).pipe(
          Effect.andThen(Effect.sleep("1 second")),
          Effect.andThen(
            Effect.sync(() => {
              wentOn = true
            })
          )
        )
      )
      // When it does
      const error = yield* Effect.flip(use)
      yield* TestClock.adjust("1 second")
      // Then its caller is told, its work has ended, and the next generation is there
      assert.deepInclude(error, { _tag: "ConnectionLost", generation: 1 })
      assert.isFalse(wentOn)
      assert.strictEqual(yield* session.awaitConnected(), 2)
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )
})
