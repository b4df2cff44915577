import { connect } from "node:net"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Fiber, Layer, Schedule } from "effect"
import { at } from "../../src/at.ts"
import * as calls from "../../src/broadcast/calls.ts"
import type { Entry } from "../../src/broadcast/Entry.ts"
import { requestsOf } from "../../src/broadcast/observed.ts"
import { type Servers, start } from "../../src/broadcast/Servers.ts"
import type { Behaviour } from "../../src/broadcast/servers/Wire.ts"
import { timeout } from "./demoProcess.ts"

const world = Layer.merge(NodeServices.layer, NodeHttpClient.layerNodeHttp)

const startAll = (...behaviours: ReadonlyArray<Behaviour>) =>
  start(behaviours.map((behaviour, index) => ({ name: `server-${index}`, group: "test", behaviour })))

const entryOf = (servers: Servers, index: number): Entry => ({
  name: `server-${index}`,
  url: at(servers.urls, index),
  txs: ["aa", "bb"]
})

const errorOf = <A, E>(exit: Exit.Exit<A, E>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

/** Waits for the server to have a request, and then gives up, as a time-out does. */
const giveUp = <A, E, R>(call: Effect.Effect<A, E, R>, servers: Servers, index: number) =>
  Effect.gen(function* () {
    const fiber = yield* Effect.forkChild(call)
    yield* Effect.repeat(servers.seen, {
      schedule: Schedule.spaced("10 millis"),
      until: (seen) => at(seen, index).requests.length > 0
    })
    yield* Fiber.interrupt(fiber)
  })

describe("the servers", { timeout }, () => {
  it.live("an answering one tells of itself, stores, and knows what it holds", () =>
    Effect.gen(function* () {
      const servers = yield* startAll({ _tag: "Answering" })
      const entry = entryOf(servers, 0)
      assert.strictEqual((yield* calls.ping(entry)).base_fee, 10_000)
      assert.deepStrictEqual(yield* calls.list(entry), [{ name: "server-0", url: entry.url }])
      assert.isFalse(yield* calls.check(entry))
      assert.strictEqual(yield* calls.push(entry), "Stored")
      assert.isTrue(yield* calls.check(entry))
      assert.strictEqual(yield* calls.push(entry), "AlreadyPresent")
      const seen = at(yield* servers.seenIdle([0]), 0)
      assert.strictEqual(seen.stored.length, 2)
      assert.strictEqual(requestsOf(seen, "push").length, 2)
    }).pipe(Effect.provide(world))
  )

  it.live("what goes wrong has a name", () =>
    Effect.gen(function* () {
      const servers = yield* startAll(
        { _tag: "Refusing" },
        { _tag: "Failing" },
        { _tag: "Garbage", reply: "http" },
        { _tag: "Garbage", reply: "json" },
        { _tag: "Garbage", reply: "empty" }
      )
      const errors = yield* Effect.forEach(servers.urls, (_, index) =>
        Effect.map(Effect.exit(calls.ping(entryOf(servers, index))), (exit) => errorOf(exit))
      )
      assert.deepStrictEqual(
        errors.map((error) => (error as { readonly _tag: string })._tag),
        ["Unreachable", "BadReply", "ReplyLost", "BadReply", "BadReply"]
      )
    }).pipe(Effect.provide(world))
  )

  it.live("one that stores and stalls has stored, and says so the next time", () =>
    Effect.gen(function* () {
      const servers = yield* startAll({ _tag: "CommitThenStall", stalls: "first" })
      const entry = entryOf(servers, 0)
      yield* giveUp(calls.push(entry), servers, 0)
      assert.strictEqual(yield* calls.push(entry), "AlreadyPresent")
      assert.isTrue(yield* calls.check(entry))
      const seen = at(yield* servers.seenIdle([0]), 0)
      assert.deepStrictEqual(
        requestsOf(seen, "push").map(({ end }) => end),
        ["dropped", "answered"]
      )
      assert.strictEqual(seen.stored.length, 2)
    }).pipe(Effect.provide(world))
  )

  it.live("a call that is given up closes its connection, whatever the server is doing", () =>
    Effect.gen(function* () {
      const servers = yield* startAll(
        { _tag: "Stalling" },
        { _tag: "Trickling", part: "header" },
        { _tag: "Trickling", part: "body" },
        { _tag: "Slow", delayMillis: 60_000 }
      )
      const indices = servers.urls.map((_, index) => index)
      yield* Effect.forEach(indices, (index) => giveUp(calls.ping(entryOf(servers, index)), servers, index))
      const seen = yield* servers.seenIdle(indices)
      assert.deepStrictEqual(
        seen.map(({ openConnections, requests }) => [openConnections, ...requests.map(({ end }) => end)]),
        indices.map(() => [0, "dropped"])
      )
    }).pipe(Effect.provide(world))
  )

  it.live("a claim to hold everything can be true or false", () =>
    Effect.gen(function* () {
      const servers = yield* startAll(
        { _tag: "AlreadyPresent", holds: true },
        { _tag: "AlreadyPresent", holds: false }
      )
      for (const [index, holds] of [true, false].entries()) {
        assert.strictEqual(yield* calls.push(entryOf(servers, index)), "AlreadyPresent")
        assert.strictEqual(yield* calls.check(entryOf(servers, index)), holds)
      }
    }).pipe(Effect.provide(world))
  )

  it.live("they end with their scope, and report when they end by themselves", () =>
    Effect.gen(function* () {
      const scoped = yield* Effect.scoped(Effect.map(startAll({ _tag: "BlackHoled" }), ({ pid }) => pid))
      assert.throws(() => process.kill(scoped, 0), /ESRCH/)
      const servers = yield* startAll({ _tag: "Answering" })
      process.kill(servers.pid, "SIGTERM")
      assert.strictEqual((yield* Effect.flip(servers.died)).when, "running")
    }).pipe(Effect.provide(world))
  )

  // What a full backlog does is up to the platform, so that the servers find out and say.
  it.live("a connect to a black hole does what the servers say it does", () =>
    Effect.gen(function* () {
      const servers = yield* startAll({ _tag: "BlackHoled" })
      if (process.platform === "linux") assert.strictEqual(servers.blackHole, "hangs")
      const connected = yield* connectTo(at(servers.urls, 0)).pipe(
        Effect.timeoutOrElse({ duration: "2 seconds", orElse: () => Effect.succeed("hangs") })
      )
      assert.strictEqual(connected, servers.blackHole)
    }).pipe(Effect.provide(world))
  )
})

const connectTo = (url: string) =>
  Effect.callback<string>((resume) => {
    const socket = connect({ host: "127.0.0.1", port: Number(new URL(url).port) })
    socket.once("connect", () => resume(Effect.succeed("accepts")))
    socket.once("error", () => resume(Effect.succeed("refuses")))
    return Effect.sync(() => socket.destroy())
  })
