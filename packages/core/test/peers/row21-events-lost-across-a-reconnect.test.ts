/** Row 21: in viem (issues 3771 and 3957), events are lost or come twice across a reconnect, and nothing says so. */
import { assert, describe, it } from "@effect/vitest"
import { Reconnect } from "@holdfast/core"
import { Cause, Effect, Fiber, Logger, Stream } from "effect"
import { TestClock } from "effect/testing"

/** A log of numbers that grows by one in each 100 ms, and is read from an offset. */
const logFrom = (offset: number) =>
  Stream.fromEffectRepeat(Effect.sleep("100 millis")).pipe(Stream.map((_, index) => offset + index + 1))

const reading = Effect.gen(function* () {
  const session = yield* Reconnect.make({ connect: Effect.void, isLost: () => false, stableAfter: 0 })
  yield* session.awaitConnected()
  return session
})

/** Loses the connection twice while a stream is read, and gives what came. */
const across = <A, E, R>(
  session: Reconnect.Reconnect<void>,
  stream: Stream.Stream<Reconnect.Item<A>, E, R>
) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(Stream.runCollect(Stream.take(stream, 11)), {
      startImmediately: true
    })
    for (const generation of [1, 2]) {
      yield* TestClock.adjust("350 millis")
      yield* session.lose(generation, Cause.fail("closed"))
      yield* TestClock.adjust(0)
    }
    yield* TestClock.adjust("10 seconds")
    const items = yield* Fiber.join(fiber)
    return items.map((item) => (item._tag === "Value" ? item.value : `seam ${item.gap.lostAfterMillis}`))
  })

describe("row 21", () => {
  it.effect("a stream with a cursor neither loses nor repeats an event", () =>
    Effect.gen(function* () {
      // Given a subscription that can begin anywhere
      const session = yield* reading
      const stream = session.streamFrom({
        initial: 0,
        subscribe: (_, offset) => logFrom(offset),
        next: (_, event: number) => event
      })
      // When the connection breaks twice
      const got = yield* across(session, stream)
      // Then every event comes once, and each break is marked
      assert.deepStrictEqual(got, [1, 2, 3, "seam 50", 4, 5, 6, "seam 50", 7, 8, 9])
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
  )

  it.effect("a stream without one marks where events may be missing or come again", () =>
    Effect.gen(function* () {
      // Given a subscription that always begins with the first event
      const session = yield* reading
      // When the connection breaks twice
      const got = yield* across(
        session,
        session.stream(() => logFrom(0))
      )
      // Then it is not in silence
      assert.deepStrictEqual(got, [1, 2, 3, "seam 50", 1, 2, 3, "seam 50", 1, 2, 3])
    }).pipe(Effect.scoped, Effect.provide(Logger.layer([])))
  )
})
