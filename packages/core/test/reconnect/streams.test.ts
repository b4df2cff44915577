import { assert, describe, it } from "@effect/vitest"
import { Reconnect } from "@holdfast/core"
import { Cause, Clock, Effect, Exit, Fiber, Logger, Option, Queue, Scope, Stream } from "effect"
import { TestClock } from "effect/testing"
import { Broken, isBroken } from "./backend.ts"

const quiet = Logger.layer([])

const fork = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.forkChild(Effect.exit(effect), { startImmediately: true })

interface Feed {
  readonly number: number
  readonly queue: Queue.Queue<number, Broken>
}

/** A connection on which numbers arrive, and those of all generations. */
const feeding = Effect.gen(function* () {
  const feeds: Array<Feed> = []
  const session = yield* Reconnect.make({
    label: "feed",
    connect: Effect.gen(function* () {
      const feed = { number: feeds.length + 1, queue: yield* Queue.unbounded<number, Broken>() }
      feeds.push(feed)
      return feed
    }),
    isLost: isBroken,
    stableAfter: 0
  })
  yield* session.awaitConnected()
  const send = (generation: number, ...values: ReadonlyArray<number>) =>
    Effect.sync(() => {
      const feed = feeds[generation - 1]
      if (feed !== undefined) Queue.offerAllUnsafe(feed.queue, values)
    })
  const cut = (generation: number) =>
    Effect.suspend(() => {
      const feed = feeds[generation - 1]
      return feed === undefined ? Effect.void : Queue.fail(feed.queue, new Broken({ of: generation }))
    })
  return { session, send, cut }
})

/** What arrives, as words. */
const words = <A>(item: Reconnect.Item<A>): string => {
  if (item._tag === "Value") return `${item.value}@${item.generation}`
  const { disconnectedMillis, from, lostAfterMillis, to } = item.gap
  return `${from}→${to} lost after ${lostAfterMillis}, gone for ${disconnectedMillis}`
}

const collecting = <A, E, R>(stream: Stream.Stream<Reconnect.Item<A>, E, R>) =>
  Effect.gen(function* () {
    const got: Array<string> = []
    const fiber = yield* fork(
      Stream.runForEach(stream, (item) => Effect.sync(() => void got.push(words(item))))
    )
    return { fiber, got }
  })

describe("Reconnect.stream", () => {
  it.effect(
    "RC-11: is subscribed on every generation, and marks the seam with what is known of the gap",
    () =>
      Effect.gen(function* () {
        const { cut, send, session } = yield* feeding
        const { fiber, got } = yield* collecting(session.stream(({ queue }) => Stream.fromQueue(queue)))
        yield* send(1, 1, 2)
        yield* TestClock.adjust("3 seconds")
        yield* cut(1)
        yield* TestClock.adjust(0)
        yield* send(2, 3)
        yield* TestClock.adjust("1 second")
        yield* session.lose(2, Cause.fail("unplugged"))
        yield* TestClock.adjust(0)
        yield* send(3, 4)
        yield* TestClock.adjust(0)
        assert.deepStrictEqual(got, [
          "1@1",
          "2@1",
          "1→2 lost after 3000, gone for 0",
          "3@2",
          "2→3 lost after 1000, gone for 0",
          "4@3"
        ])
        assert.isUndefined(fiber.pollUnsafe())
      }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect(
    "a subscription is told which gap it follows, and is cut off even when it cannot be interrupted",
    () =>
      Effect.gen(function* () {
        const { session } = yield* feeding
        const resumes: Array<Reconnect.Resume> = []
        const { got } = yield* collecting(
          session.stream((_, resume) => {
            resumes.push(resume)
            return resume.generation === 1
              ? Stream.fromEffect(Effect.uninterruptible(Effect.never))
              : Stream.never
          })
        )
        yield* session.lose(1, Cause.fail("unplugged"))
        // It is waited for, but not for long.
        yield* TestClock.adjust("5 seconds")
        assert.deepStrictEqual(
          resumes.map(({ gap, generation }) => [generation, gap?.from, gap && Cause.squash(gap.cause)]),
          [
            [1, undefined, undefined],
            [2, 1, "unplugged"]
          ]
        )
        assert.deepStrictEqual(got, ["1→2 lost after 0, gone for 5000"])
      }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("what a subscription holds is released before the next begins, in bounded time", () =>
    Effect.gen(function* () {
      const { session } = yield* feeding
      const events: Array<string> = []
      yield* fork(
        Stream.runDrain(
          session.stream((_, { generation }) => {
            events.push(`begin ${generation}`)
            const release = Effect.andThen(
              Effect.sync(() => void events.push(`end ${generation}`)),
              generation === 1 ? Effect.never : Effect.void
            )
            return Stream.ensuring(Stream.never, release)
          })
        )
      )
      yield* session.lose(1, Cause.fail("unplugged"))
      yield* TestClock.adjust("5 seconds")
      assert.deepStrictEqual(events, ["begin 1", "end 1", "begin 2"])
      yield* session.lose(2, Cause.fail("unplugged"))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(events.slice(3), ["end 2", "begin 3"])
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("ends when its source ends, and fails with errors that do not mean a loss", () =>
    Effect.gen(function* () {
      const { session } = yield* feeding
      assert.deepStrictEqual((yield* Stream.runCollect(session.stream(() => Stream.make(1, 2)))).map(words), [
        "1@1",
        "2@1"
      ])
      assert.strictEqual(
        yield* Effect.flip(Stream.runDrain(session.stream(() => Stream.fail("malformed")))),
        "malformed"
      )
      const thrown = session.stream((): Stream.Stream<never> => {
        throw new Error("a bug")
      })
      assert.isTrue(Exit.hasDies(yield* Effect.exit(Stream.runDrain(thrown))))
      assert.isTrue(yield* session.connected)
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("RC-7: fails with NotConnected when the connection is closed, also while it waits", () =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const { session } = yield* Scope.provide(feeding, scope)
      const drained = yield* fork(Effect.flip(Stream.runDrain(session.stream(() => Stream.never))))
      yield* Scope.close(scope, Exit.void)
      assert.deepInclude(yield* Effect.flatten(Fiber.join(drained)), {
        _tag: "NotConnected",
        reason: "Closed"
      })
      assert.deepInclude(yield* Effect.flip(Stream.runDrain(session.stream(() => Stream.never))), {
        reason: "Closed"
      })
    }).pipe(Effect.provide(quiet))
  )

  it.effect("RC-11: streamFrom goes on after the last element", () =>
    Effect.gen(function* () {
      const { session } = yield* feeding
      const { got } = yield* collecting(
        session.streamFrom({
          initial: 10,
          // Two elements, and then it is silent.
          subscribe: (_, cursor) => Stream.concat(Stream.make(cursor + 1, cursor + 2), Stream.never),
          next: (_, value) => value
        })
      )
      yield* session.lose(1, Cause.fail("unplugged"))
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(
        got.filter((word) => word.includes("@")),
        ["11@1", "12@1", "13@2", "14@2"]
      )
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )
})

describe("Reconnect.longPoll", () => {
  const polling = (answer: (call: number) => Effect.Effect<Option.Option<number>, Broken>) =>
    Effect.gen(function* () {
      const { session } = yield* feeding
      const calls: Array<number> = []
      const poll = Effect.flatMap(Clock.currentTimeMillis, (now) =>
        Effect.suspend(() => {
          calls.push(now)
          return answer(calls.length)
        })
      )
      const collected = yield* collecting(session.longPoll(() => poll, { pollTimeout: "30 seconds" }))
      return { calls, session, ...collected }
    })

  it.effect(
    "one that comes back empty at once makes 3 calls in 350 ms and 13 in 10 s, and ends with its caller",
    () =>
      Effect.gen(function* () {
        const { calls, fiber } = yield* polling(() => Effect.succeedNone)
        yield* TestClock.adjust("350 millis")
        assert.deepStrictEqual(calls, [0, 100, 300])
        yield* TestClock.adjust("9650 millis")
        assert.strictEqual(calls.length, 13)
        assert.deepStrictEqual(calls.slice(3, 7), [700, 1500, 2500, 3500])
        yield* TestClock.adjust("200 millis")
        yield* Fiber.interrupt(fiber)
        yield* TestClock.adjust("1 hour")
        assert.strictEqual(calls.length, 13)
      }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("one that waited its time is not punished, and a result makes the delays begin anew", () =>
    Effect.gen(function* () {
      const { calls, got } = yield* polling((call) => {
        if (call === 3) return Effect.as(Effect.sleep("30 seconds"), Option.none())
        return Effect.succeed(call === 6 ? Option.some(call) : Option.none())
      })
      yield* TestClock.adjust("30 seconds")
      yield* TestClock.adjust("1 second")
      // Empty at 0 and 100, then 30 seconds of waiting, then at once again.
      assert.deepStrictEqual(calls.slice(0, 8), [0, 100, 300, 30_300, 30_400, 30_600, 30_600, 30_700])
      assert.deepStrictEqual(got, ["6@1"])
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )

  it.effect("goes on with the next generation", () =>
    Effect.gen(function* () {
      const { got } = yield* polling((call) =>
        call === 2 ? Effect.fail(new Broken({ of: 1 })) : call > 3 ? Effect.never : Effect.succeedSome(call)
      )
      yield* TestClock.adjust(0)
      assert.deepStrictEqual(got, ["1@1", "1→2 lost after 0, gone for 0", "3@2"])
    }).pipe(Effect.scoped, Effect.provide(quiet))
  )
})
