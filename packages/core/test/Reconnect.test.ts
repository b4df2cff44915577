import { assert, describe, it } from "@effect/vitest"
import { Backoff, Deadline, InvalidOptions, Reconnect } from "@holdfast/core"
import {
  Cause,
  Clock,
  Config,
  ConfigProvider,
  Context,
  Deferred,
  Duration,
  Effect,
  Exit,
  Fiber,
  Logger,
  Schedule,
  Scope,
  Stream,
  SubscriptionRef
} from "effect"
import { TestClock } from "effect/testing"
import { type Broken, backend, type Connection, isBroken, Refused } from "./reconnect/backend.ts"

const doubling = Backoff.exponential({ base: "1 second", cap: "32 seconds", jitter: "none" })

const quiet = Logger.layer([])

const seconds = Effect.map(Clock.currentTimeMillis, (millis) => millis / 1000)

/** Lets whatever can be done now be done. */
const settle = TestClock.adjust(0)

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

/** A connection that is up, and its parts. */
const connected = (
  options: Partial<Reconnect.Options<Connection, Broken, Scope.Scope, never, never, never>> = {}
) =>
  Effect.gen(function* () {
    const node = backend()
    const session = yield* Reconnect.make<Connection, Broken, Scope.Scope>({
      label: "node",
      connect: node.connect,
      isLost: isBroken,
      backoff: doubling,
      ...options
    })
    yield* session.awaitConnected()
    return { node, session }
  })

const ask = ({ ask }: Connection) => ask

const wordsOf = (status: Reconnect.Status): string => {
  switch (status._tag) {
    case "Connecting":
      return `connecting ${status.attempt}${status.nextDelay === undefined ? "" : ` in ${Duration.format(status.nextDelay)}`}`
    case "Connected":
      return `connected ${status.generation} since ${status.sinceMillis}`
    case "Lost":
      return `lost ${status.generation}: ${Cause.squash(status.cause)}`
    case "Closed":
      return "closed"
  }
}

describe("Reconnect", () => {
  describe("connecting", () => {
    it.effect("a backend that is absent until 20 s is tried at 0, 1, 3, 7, 15 and 31 s", () =>
      Effect.gen(function* () {
        const node = backend((attempt) =>
          Effect.flatMap(seconds, (now) => (now < 20 ? Effect.fail(new Refused({ attempt })) : Effect.void))
        )
        const session = yield* Reconnect.make({ connect: node.connect, isLost: isBroken, backoff: doubling })
        const waiting = yield* fork(Effect.andThen(session.awaitConnected(), seconds))
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(node.attempts, [0, 1, 3, 7, 15, 31])
        assert.deepStrictEqual(yield* Fiber.join(waiting), Exit.succeed(31))
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    const bad: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, Scope.Scope>]> = [
      ["hangs", Effect.never],
      ["cannot be interrupted", Effect.uninterruptible(Effect.never)],
      ["dies", Effect.die("a bug of connect")],
      ["interrupts itself", Effect.interrupt],
      [
        "hangs in its release",
        Effect.andThen(
          Effect.addFinalizer(() => Effect.never),
          Effect.fail("no")
        )
      ],
      [
        "dies in its release",
        Effect.andThen(
          Effect.addFinalizer(() => Effect.die("no")),
          Effect.fail("no")
        )
      ]
    ]
    it.effect.each(bad)("RC-6: a connect that %s is bounded and retried", ([, behaviour]) =>
      Effect.gen(function* () {
        const node = backend((attempt) => (attempt < 3 ? behaviour : Effect.void))
        const session = yield* Reconnect.make({
          connect: node.connect,
          isLost: isBroken,
          backoff: Backoff.constant("1 second"),
          attemptTimeout: "4 seconds",
          releaseTimeout: "2 seconds"
        })
        yield* TestClock.adjust("20 seconds")
        assert.strictEqual(node.attempts.length, 3)
        assert.isTrue(yield* session.connected)
        // An attempt takes 4 seconds at most, its release 2, and the delay 1.
        assert.isAtMost(node.attempts[2] ?? Infinity, 14)
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("the time for an attempt is seen by connect, and by nothing that lives on after it", () =>
      Effect.gen(function* () {
        const left: Array<number> = []
        const look = Effect.map(Deadline.remaining, (remaining) => {
          left.push(Duration.toSeconds(remaining))
        })
        const session = yield* Reconnect.make({
          connect: Effect.gen(function* () {
            yield* look
            yield* Effect.forkScoped(Effect.andThen(Effect.sleep("1 minute"), look))
            yield* Effect.addFinalizer(() =>
              Effect.andThen(look, Deadline.within(look, "2 seconds")).pipe(Effect.orDie)
            )
          }),
          isLost: isBroken,
          attemptTimeout: "4 seconds",
          backoff: Backoff.constant("1 hour")
        })
        yield* TestClock.adjust("1 minute")
        assert.isTrue(yield* session.lose(1, Cause.fail("unplugged")))
        yield* settle
        assert.deepStrictEqual(left.slice(0, 4), [4, Infinity, Infinity, 2])
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("RC-6: what an abandoned attempt acquires later is released at once", () =>
      Effect.gen(function* () {
        const events: Array<string> = []
        const late = Effect.uninterruptible(
          Effect.andThen(
            Effect.sleep("30 seconds"),
            Effect.acquireRelease(
              Effect.sync(() => void events.push("acquired")),
              () => Effect.sync(() => void events.push("released"))
            )
          )
        )
        yield* Reconnect.make({
          connect: late,
          isLost: isBroken,
          backoff: Backoff.constant("1 hour"),
          attemptTimeout: "1 second"
        })
        yield* TestClock.adjust("30 seconds")
        assert.deepStrictEqual(events, ["acquired", "released"])
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("RC-4: onConnect runs once for each generation, before anyone can use it", () =>
      Effect.gen(function* () {
        const prepared: Array<number> = []
        const ready = yield* Deferred.make<void>()
        const record = (generation: number) => Effect.sync(() => void prepared.push(generation))
        const { node, session } = yield* connected({
          onConnect: (_, generation) =>
            generation === 2 ? Effect.andThen(Deferred.await(ready), record(generation)) : record(generation)
        })
        node.break(1)
        yield* Effect.exit(session.use(ask))
        const using = yield* fork(
          session.use(({ number }, generation) => Effect.succeed([number, generation, [...prepared]]))
        )
        yield* TestClock.adjust("1 hour")
        assert.isFalse(yield* session.connected)
        assert.isUndefined(using.pollUnsafe())
        yield* Deferred.succeed(ready, undefined)
        assert.deepStrictEqual(yield* Fiber.join(using), Exit.succeed([2, 2, [1, 2]]))
        yield* TestClock.adjust("1 hour")
        assert.deepStrictEqual(prepared, [1, 2])
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("a failed onConnect is a failed attempt, and what it acquired is released", () =>
      Effect.gen(function* () {
        const node = backend()
        const session = yield* Reconnect.make({
          connect: node.connect,
          isLost: isBroken,
          backoff: doubling,
          onConnect: (_, generation) =>
            Effect.andThen(
              Effect.addFinalizer(() => Effect.sync(() => void node.events.push(`undo ${generation}`))),
              generation < 3 ? Effect.fail("not ready") : Effect.void
            )
        })
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(node.attempts, [0, 1, 3])
        assert.isTrue(yield* session.connected)
        assert.deepStrictEqual(node.events.slice(0, 3), ["connect 1", "undo 1", "release 1"])
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )
  })

  describe("using", () => {
    it.effect("gives the connection, its generation, and what comes of it", () =>
      Effect.gen(function* () {
        const { session } = yield* connected()
        assert.strictEqual(yield* session.use(ask), "answer of 1")
        assert.strictEqual(yield* session.use((_, generation) => Effect.succeed(generation)), 1)
        assert.strictEqual(yield* Effect.flip(session.use(() => Effect.fail("of its own"))), "of its own")
        assert.isTrue(Exit.hasDies(yield* Effect.exit(session.use(() => Effect.die("bug")))))
        assert.isTrue(
          Exit.hasDies(
            yield* Effect.exit(
              session.use((): Effect.Effect<never> => {
                throw new Error("thrown")
              })
            )
          )
        )
        assert.isTrue(yield* session.connected)
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("keeps the services and the deadline of its caller", () =>
      Effect.gen(function* () {
        class Name extends Context.Service<Name, string>()("test/Name") {}
        const { session } = yield* connected()
        const use = session.use(() => Effect.all([Name, Deadline.remaining]))
        const [name, left] = yield* use.pipe(
          Deadline.within("3 seconds"),
          Effect.provideService(Name, "caller")
        )
        assert.deepStrictEqual([name, Duration.toSeconds(left)], ["caller", 3])
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("RC-1, RC-2: two callers that report one loss cause one reconnect, and late ones none", () =>
      Effect.gen(function* () {
        const { node, session } = yield* connected({ stableAfter: 0 })
        const gate = yield* Deferred.make<void>()
        node.break(1)
        const late = yield* fork(
          session.use((connection) =>
            Effect.uninterruptible(Effect.andThen(Deferred.await(gate), connection.ask))
          )
        )
        const both = yield* Effect.all([Effect.exit(session.use(ask)), Effect.exit(session.use(ask))], {
          concurrency: "unbounded"
        })
        assert.include(String(both[0]), "generation 1")
        yield* settle
        assert.strictEqual(node.attempts.length, 2)
        // The late failure of generation 1 is not even heard of.
        yield* Deferred.succeed(gate, undefined)
        yield* settle
        assert.include(String(yield* Fiber.join(late)), "ConnectionLost")
        assert.isFalse(yield* session.lose(1, Cause.fail("late")))
        assert.strictEqual(yield* session.use(ask), "answer of 2")
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(node.attempts.length, 2)
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect(
      "a use is cut off when its generation is lost, at once, also when it cannot be interrupted",
      () =>
        Effect.gen(function* () {
          const { session } = yield* connected()
          const hung = [
            Effect.never,
            Effect.uninterruptible(Effect.never),
            Effect.onInterrupt(Effect.never, () => Effect.never)
          ]
          const uses = yield* Effect.forEach(hung, (work) => fork(session.use(() => work)))
          assert.isTrue(yield* session.lose(1, Cause.fail("unplugged")))
          for (const use of uses) {
            const error = yield* Effect.flip(Effect.flatten(Fiber.join(use)))
            assert.deepInclude(error, {
              _tag: "ConnectionLost",
              generation: 1,
              reason: "Lost",
              cause: "unplugged"
            })
          }
        }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("a caller that is interrupted interrupts its use, and waits for its end", () =>
      Effect.gen(function* () {
        const { session } = yield* connected()
        const gate = yield* Deferred.make<void>()
        const use = yield* fork(
          session.use(() => Effect.onInterrupt(Effect.never, () => Deferred.await(gate)))
        )
        const interrupting = yield* fork(Fiber.interrupt(use))
        yield* settle
        assert.isUndefined(interrupting.pollUnsafe())
        yield* Deferred.succeed(gate, undefined)
        assert.deepStrictEqual(yield* Fiber.join(interrupting), Exit.void)
        assert.isTrue(yield* session.connected)
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("RC-8: a wait ends with the time to wait, or with the ambient deadline, and says so", () =>
      Effect.gen(function* () {
        const node = backend((attempt) => Effect.fail(new Refused({ attempt })))
        const session = yield* Reconnect.make({
          label: "node",
          connect: node.connect,
          isLost: isBroken,
          backoff: doubling
        })
        const own = yield* fork(Effect.flip(session.use(ask, { wait: "2 seconds" })))
        const ambient = yield* fork(
          Deadline.within(Effect.catchTag(session.use(ask), "NotConnected", Effect.succeed), "5 seconds")
        )
        const unhandled = yield* fork(
          Effect.flip(Deadline.within(session.use(ask), "5 seconds", { label: "mine" }))
        )
        assert.deepInclude(yield* Effect.flip(session.use(ask, { wait: 0 })), {
          _tag: "NotConnected",
          reason: "Connecting",
          waitedMillis: 0
        })
        yield* TestClock.adjust("2 seconds")
        assert.deepInclude(yield* Effect.flatten(Fiber.join(own)), {
          label: "node",
          attempts: 2,
          waitedMillis: 2000,
          cause: new Refused({ attempt: 2 })
        })
        yield* TestClock.adjust("3 seconds")
        assert.deepInclude(yield* Effect.flatten(Fiber.join(ambient)), {
          _tag: "NotConnected",
          waitedMillis: 5000
        })
        assert.deepInclude(yield* Effect.flatten(Fiber.join(unhandled)), {
          _tag: "DeadlineExceeded",
          label: "mine"
        })
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )
  })

  describe("losing", () => {
    it.effect(
      "RC-3: what belongs to a generation is released, and onLost has run, before the next is published",
      () =>
        Effect.gen(function* () {
          const node = backend()
          const { session } = yield* connected({
            connect: node.connect,
            stableAfter: 0,
            onLost: (generation) => Effect.sync(() => void node.events.push(`lost ${generation}`)),
            onConnect: (_, generation) => Effect.sync(() => void node.events.push(`prepare ${generation}`))
          })
          node.events.length = 0
          yield* session.lose(1, Cause.fail("gone"))
          assert.strictEqual(yield* session.awaitConnected(), 2)
          assert.deepStrictEqual(node.events, ["lost 1", "release 1", "connect 2", "prepare 2"])
        }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    const releases: ReadonlyArray<readonly [string, Effect.Effect<unknown>, number]> = [
      ["hangs", Effect.never, 2],
      ["dies", Effect.die("the peer is gone"), 0],
      ["takes a second", Effect.sleep("1 second"), 1]
    ]
    it.effect.each(releases)(
      "RC-3: a release that %s holds up the next generation in bounded time",
      ([, release, expected]) =>
        Effect.gen(function* () {
          const node = backend((attempt) =>
            attempt === 1 ? Effect.addFinalizer(() => release) : Effect.void
          )
          const session = yield* Reconnect.make({
            connect: node.connect,
            isLost: isBroken,
            stableAfter: 0,
            releaseTimeout: "2 seconds"
          })
          yield* session.awaitConnected()
          yield* session.lose(1, Cause.fail("gone"))
          const next = yield* fork(Effect.andThen(session.awaitConnected(), seconds))
          yield* TestClock.adjust("10 seconds")
          assert.deepStrictEqual(yield* Fiber.join(next), Exit.succeed(expected))
        }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("an onLost that hangs or dies holds up nothing for long", () =>
      Effect.gen(function* () {
        const { session } = yield* connected({
          stableAfter: 0,
          releaseTimeout: "2 seconds",
          onLost: (generation) => (generation === 1 ? Effect.never : Effect.die("a bug of onLost"))
        })
        yield* session.lose(1, Cause.fail("gone"))
        yield* TestClock.adjust("2 seconds")
        assert.strictEqual(yield* session.awaitConnected({ wait: 0 }), 2)
        yield* session.lose(2, Cause.fail("gone"))
        assert.strictEqual(yield* session.awaitConnected(), 3)
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("RC-5: the delays grow over a backend that accepts and dies, until it is stable", () =>
      Effect.gen(function* () {
        const { node, session } = yield* connected({ stableAfter: "10 seconds" })
        const dieAfter = (delay: Duration.Input) =>
          Effect.gen(function* () {
            const generation = yield* session.awaitConnected()
            yield* Effect.sleep(delay)
            yield* session.lose(generation, Cause.fail("died"))
          })
        const flapping = yield* fork(
          Effect.andThen(Effect.repeat(dieAfter("10 millis"), { times: 3 }), dieAfter("10 seconds"))
        )
        yield* TestClock.adjust("1 minute")
        assert.deepStrictEqual(yield* Fiber.join(flapping), Exit.void)
        // After 10 seconds it was stable: the next attempt is made at once.
        assert.deepStrictEqual(node.attempts, [0, 1.01, 3.02, 7.03, 15.04, 25.04])
        yield* session.lose(6, Cause.fail("died"))
        yield* TestClock.adjust("1 second")
        assert.strictEqual(node.attempts.length, 7)
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    const peers: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown>]> = [
      ["answers nothing", Effect.never],
      ["cannot be interrupted", Effect.uninterruptible(Effect.never)],
      ["fails", Effect.fail("closed")],
      ["dies", Effect.die("bug")]
    ]
    it.effect.each(peers)(
      "RC-9: a peer whose probe %s is found within interval and time-out",
      ([, silence]) =>
        Effect.gen(function* () {
          let silent = false
          const node = backend()
          const session = yield* Reconnect.make({
            connect: node.connect,
            isLost: isBroken,
            stableAfter: 0,
            probe: {
              check: ({ number }) => Effect.suspend(() => (silent && number === 1 ? silence : Effect.void)),
              interval: "3 seconds",
              timeout: "2 seconds"
            }
          })
          yield* TestClock.adjust("31 seconds")
          assert.strictEqual(yield* session.awaitConnected({ wait: 0 }), 1)
          silent = true
          const next = yield* fork(
            Effect.andThen(
              Stream.runDrain(
                Stream.takeUntil(SubscriptionRef.changes(session.status), ({ _tag }) => _tag === "Lost")
              ),
              seconds
            )
          )
          yield* TestClock.adjust("5 seconds")
          const found = yield* Effect.flatten(Fiber.join(next))
          assert.isAtMost(found - 31, 5)
          assert.strictEqual(yield* session.awaitConnected({ wait: 0 }), 2)
        }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("the probe watches onConnect too", () =>
      Effect.gen(function* () {
        const node = backend()
        const session = yield* Reconnect.make({
          connect: node.connect,
          isLost: isBroken,
          backoff: Backoff.constant("1 second"),
          onConnect: ({ number }) => (number === 1 ? Effect.uninterruptible(Effect.never) : Effect.void),
          probe: { check: ({ number }) => (number === 1 ? Effect.fail("silent") : Effect.void) }
        })
        yield* TestClock.adjust("2 seconds")
        assert.deepStrictEqual(node.attempts, [0, 2])
        assert.strictEqual(yield* session.awaitConnected({ wait: 0 }), 2)
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )
  })

  describe("giving up", () => {
    const limits: ReadonlyArray<
      readonly [
        Reconnect.GaveUp["limit"],
        Partial<Reconnect.Options<Connection, Broken, Scope.Scope, never, never, never>>,
        number
      ]
    > = [
      ["Attempts", { giveUp: { attempts: 4 } }, 7],
      ["Elapsed", { giveUp: { after: "20 seconds" } }, 15],
      ["Unrecoverable", { giveUp: { when: (cause) => String(Cause.squash(cause)).includes("3") } }, 3],
      [
        "Unrecoverable",
        {
          giveUp: {
            when: () => {
              throw new Error("a bug")
            }
          }
        },
        0
      ]
    ]
    it.effect.each(limits)("the limit %s", ([limit, options, at]) =>
      Effect.gen(function* () {
        const node = backend((attempt) => Effect.fail(`refused ${attempt}`))
        const session = yield* Reconnect.make({
          label: "node",
          connect: node.connect,
          isLost: isBroken,
          backoff: doubling,
          ...options
        })
        const terminated = yield* fork(
          Effect.flatMap(Effect.flip(session.terminated), (error) =>
            Effect.map(seconds, (now) => [error, now] as const)
          )
        )
        const waiting = yield* fork(Effect.flip(session.use(ask)))
        yield* TestClock.adjust("1 minute")
        const [error, now] = yield* Effect.flatten(Fiber.join(terminated))
        assert.deepInclude(error, { _tag: "GaveUp", label: "node", limit })
        assert.strictEqual(now, at)
        assert.deepInclude(yield* Effect.flatten(Fiber.join(waiting)), {
          _tag: "NotConnected",
          reason: "GaveUp"
        })
        assert.deepInclude(yield* SubscriptionRef.get(session.status), { _tag: "Closed", gaveUp: error })
        assert.deepInclude(yield* Effect.flip(session.awaitConnected()), {
          reason: "GaveUp",
          waitedMillis: 0
        })
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("a backoff that is a schedule ends the attempts with its own end", () =>
      Effect.gen(function* () {
        const node = backend((attempt) => Effect.fail(new Refused({ attempt })))
        const session = yield* Reconnect.make({
          connect: node.connect,
          isLost: isBroken,
          backoff: Schedule.upTo(Schedule.spaced("1 second"), { times: 2 })
        })
        const terminated = yield* fork(Effect.flip(session.terminated))
        yield* TestClock.adjust("1 minute")
        assert.deepInclude(yield* Effect.flatten(Fiber.join(terminated)), { limit: "Schedule", attempts: 3 })
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect("the policy exit ends with the first loss, and not with failures before it", () =>
      Effect.gen(function* () {
        const node = backend((attempt) => (attempt < 3 ? Effect.fail(new Refused({ attempt })) : Effect.void))
        const session = yield* Reconnect.make({
          connect: node.connect,
          isLost: isBroken,
          backoff: doubling,
          onLoss: "exit"
        })
        const terminated = yield* fork(Effect.flip(session.terminated))
        yield* TestClock.adjust("3 seconds")
        yield* session.lose(1, Cause.fail("gone"))
        assert.deepInclude(yield* Effect.flatten(Fiber.join(terminated)), { limit: "Exit", cause: "gone" })
        assert.strictEqual(node.events.at(-1), "release 3")
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )
  })

  describe("closing", () => {
    const behaviours: ReadonlyArray<readonly [string, Effect.Effect<unknown, unknown, Scope.Scope>]> = [
      ["an attempt", Effect.never],
      ["a delay", Effect.fail("refused")],
      ["nothing to do", Effect.void]
    ]
    it.effect.each(behaviours)("RC-7, RC-10: ends at once during %s", ([, behaviour]) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const node = backend(() => behaviour)
        const session = yield* Scope.provide(
          Reconnect.make({
            connect: node.connect,
            isLost: isBroken,
            backoff: Backoff.constant("1 hour"),
            attemptTimeout: "1 hour"
          }),
          scope
        )
        yield* TestClock.adjust("1 second")
        const using = yield* fork(Effect.flip(session.use(() => Effect.never)))
        const terminated = yield* fork(session.terminated)
        const closing = yield* fork(Scope.close(scope, Exit.void))
        yield* settle
        assert.isDefined(closing.pollUnsafe())
        const error = yield* Effect.flatten(Fiber.join(using))
        assert.deepInclude(error, { reason: "Closed" })
        assert.isTrue(Exit.hasInterrupts(yield* Fiber.join(terminated)))
        assert.deepStrictEqual(yield* SubscriptionRef.get(session.status), {
          _tag: "Closed",
          gaveUp: undefined
        })
        assert.deepInclude(yield* Effect.flip(session.use(ask)), { _tag: "NotConnected", reason: "Closed" })
        assert.isFalse(yield* session.lose(1, Cause.fail("late")))
      }).pipe(Effect.provide(quiet))
    )

    it.effect("RC-7: no new use, then waiters, then uses, then the release", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const { node, session } = yield* Scope.provide(connected(), scope)
        yield* fork(
          session
            .use(() => Effect.never)
            .pipe(
              Effect.onExit(() =>
                Effect.flatMap(session.connected, (isConnected) =>
                  Effect.sync(() => void node.events.push(`use ends, connected: ${isConnected}`))
                )
              )
            )
        )
        yield* Scope.close(scope, Exit.void)
        assert.deepStrictEqual(node.events, ["connect 1", "use ends, connected: false", "release 1"])
      }).pipe(Effect.provide(quiet))
    )

    it.effect(
      "RC-7: a use that cannot be interrupted is told at once, and waited for as long as a release",
      () =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const { node, session } = yield* Scope.provide(connected({ releaseTimeout: "2 seconds" }), scope)
          const using = yield* fork(session.use(() => Effect.uninterruptible(Effect.never)))
          const closing = yield* fork(Scope.close(scope, Exit.void))
          yield* settle
          assert.isDefined(using.pollUnsafe())
          yield* TestClock.adjust("1999 millis")
          assert.deepStrictEqual(node.events, ["connect 1"])
          yield* TestClock.adjust("1 millis")
          assert.deepStrictEqual(node.events, ["connect 1", "release 1"])
          assert.isDefined(closing.pollUnsafe())
        }).pipe(Effect.provide(quiet))
    )

    it.effect("a release that hangs is left behind after its time-out", () =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const node = backend(() => Effect.addFinalizer(() => Effect.never))
        const session = yield* Scope.provide(
          Reconnect.make({ connect: node.connect, isLost: isBroken, releaseTimeout: "2 seconds" }),
          scope
        )
        yield* session.awaitConnected()
        const closing = yield* fork(Scope.close(scope, Exit.void))
        yield* TestClock.adjust("1999 millis")
        assert.isUndefined(closing.pollUnsafe())
        yield* TestClock.adjust("1 millis")
        assert.isDefined(closing.pollUnsafe())
      }).pipe(Effect.provide(quiet))
    )
  })

  describe("Settings", () => {
    const parse = (env: Record<string, string>) =>
      Config.schema(Reconnect.Settings, "node").parse(ConfigProvider.fromEnvRecord(env))

    it.effect("are what configuration can hold, and options as they are", () =>
      Effect.gen(function* () {
        const settings = yield* parse({
          node_stableAfter: "2 seconds",
          node_giveUpAttempts: "2",
          node_onLoss: "exit"
        })
        assert.deepStrictEqual(settings, {
          stableAfter: Duration.seconds(2),
          giveUp: { attempts: 2 },
          onLoss: "exit"
        })
        const session = yield* Reconnect.make({
          ...settings,
          // Without a check its settings mean nothing, and the compiler says so.
          probe: undefined,
          connect: Effect.fail("down"),
          isLost: isBroken,
          backoff: doubling
        })
        const terminated = yield* fork(Effect.flip(session.terminated))
        yield* TestClock.adjust("1 second")
        assert.deepInclude(yield* Effect.flatten(Fiber.join(terminated)), { limit: "Attempts", attempts: 2 })
      }).pipe(Effect.scoped, Effect.provide(quiet))
    )

    it.effect.each([
      { node_attemptTimeout: "-1 second" },
      { node_probe_interval: "8" },
      { node_giveUpAttempts: "0.5" },
      { node_giveUpAfter: "0 seconds" },
      { node_attemptTimeout: "0 seconds" },
      { node_releaseTimeout: "Infinity" },
      { node_probe_timeout: "0 seconds" },
      { node_onLoss: "panic" }
    ])("refuse what has no meaning: %o", (env) =>
      Effect.map(Effect.exit(parse(env)), (exit) => assert.isTrue(Exit.isFailure(exit)))
    )

    it("options without a meaning are thrown where they are written", () => {
      const options = { connect: Effect.void, isLost: isBroken }
      const wrong: ReadonlyArray<() => unknown> = [
        () => Reconnect.make({ ...options, attemptTimeout: Number.NaN }),
        () => Reconnect.make({ ...options, stableAfter: "-1 second" }),
        () => Reconnect.make({ ...options, releaseTimeout: Infinity }),
        () => Reconnect.make({ ...options, probe: { check: () => Effect.void, interval: Number.NaN } }),
        () => Reconnect.make({ ...options, giveUp: { attempts: 0.5 } }),
        () => Reconnect.establish(Effect.void, { deadline: Number.NaN, attempts: 1 }),
        () => Reconnect.establish(Effect.void, { deadline: 1, attempts: 0 })
      ]
      for (const make of wrong) assert.throws(make, InvalidOptions)
    })
  })

  it.effect("status tells of every state", () =>
    Effect.gen(function* () {
      const node = backend((attempt) => (attempt === 1 ? Effect.fail(new Refused({ attempt })) : Effect.void))
      const scope = yield* Scope.make()
      const session = yield* Scope.provide(
        Reconnect.make({ connect: node.connect, isLost: isBroken, backoff: doubling, stableAfter: 0 }),
        scope
      )
      const seen = yield* fork(
        Stream.runCollect(
          Stream.takeUntil(SubscriptionRef.changes(session.status), ({ _tag }) => _tag === "Closed")
        )
      )
      yield* TestClock.adjust("5 seconds")
      yield* session.lose(1, Cause.fail("gone"))
      yield* TestClock.adjust("1 second")
      yield* Scope.close(scope, Exit.void)
      const statuses = yield* Effect.flatten(Fiber.join(seen))
      const words = statuses.map(wordsOf)
      assert.deepStrictEqual(words, [
        "connecting 1",
        "connecting 1",
        "connecting 2 in 1s",
        "connecting 2",
        "connected 1 since 1000",
        "lost 1: gone",
        "connecting 1",
        "connected 2 since 5000",
        "closed"
      ])
    }).pipe(Effect.provide(quiet))
  )

  it.effect("Service is a layer, whose connection ends with it, without the deadline of the build", () =>
    Effect.gen(function* () {
      const node = backend(() =>
        Effect.map(Deadline.remaining, (left) => node.events.push(`left ${Duration.format(left)}`))
      )
      class Node extends Reconnect.Service<Node, Connection, Broken>()("test/Node") {}
      const program = Node.withConnection(ask)
      const live = Node.layer({ connect: node.connect, isLost: isBroken, attemptTimeout: "1 hour" })
      assert.strictEqual(yield* Deadline.within(Effect.provide(program, live), "1 minute"), "answer of 1")
      assert.deepStrictEqual(node.events, ["left 1h", "connect 1", "release 1"])
    }).pipe(Effect.provide(quiet))
  )
})
