import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { requestsOf } from "../../src/broadcast/observed.ts"
import { remember } from "../../src/broadcast/results.ts"
import { type Servers, start } from "../../src/broadcast/Servers.ts"
import type { Behaviour } from "../../src/broadcast/servers/Wire.ts"
import { checkAll, decideByCheck, downloadList, pingAll, pushAll } from "../../src/broadcast/wallet.ts"
import { Live } from "../../src/live/Live.ts"
import { timeout } from "./demoProcess.ts"

const nobodyWatches = Layer.succeed(Live)({
  say: () => Effect.void,
  open: () => Effect.succeed({ update: () => Effect.void })
})

const world = Layer.mergeAll(NodeServices.layer, NodeHttpClient.layerNodeHttp, nobodyWatches)

const startAll = (...behaviours: ReadonlyArray<Behaviour>) =>
  start(behaviours.map((behaviour, index) => ({ name: `server-${index}`, group: "test", behaviour })))

const entriesOf = (servers: Servers) =>
  servers.urls.map((url, index) => ({ name: `server-${index}`, url, txs: [`tx-${index}`] }))

describe("a broadcast over real HTTP", { timeout }, () => {
  it.live("downloads the list from the first source that answers, and pings who is on it", () =>
    Effect.gen(function* () {
      const servers = yield* startAll({ _tag: "Stalling" }, { _tag: "Failing" }, { _tag: "Answering" })
      const { entries, watched } = yield* downloadList("list", entriesOf(servers))
      assert.deepStrictEqual(
        entries.map(({ url }) => url),
        servers.urls
      )
      const [stalling, , answering] = watched.report.outcomes
      assert.deepStrictEqual([stalling?._tag, answering?._tag], ["Cancelled", "Answered"])
      const { results } = yield* pingAll("ping", entries.slice(1))
      assert.deepStrictEqual(
        results.map(({ status }) => status),
        ["KO", 200]
      )
    }).pipe(Effect.provide(world))
  )

  it.live("pushes, verifies what was there before, and checks", () =>
    Effect.gen(function* () {
      const servers = yield* startAll(
        { _tag: "Answering" },
        { _tag: "AlreadyPresent", holds: true },
        { _tag: "AlreadyPresent", holds: false },
        { _tag: "Garbage", reply: "json" },
        { _tag: "Refusing" }
      )
      const entries = entriesOf(servers)
      const pushed = yield* pushAll("push", entries)
      const results = yield* decideByCheck("check", entries, pushed.results)
      assert.deepStrictEqual(
        results.map(({ _tag }) => _tag),
        ["Pushed", "AlreadyPresent", "Failed", "Failed", "Failed"]
      )
      const { verdicts } = yield* checkAll("check", entries)
      assert.deepStrictEqual(verdicts, ["Held", "Held", "NotHeld", "NoAnswer", "NoAnswer"])
    }).pipe(Effect.provide(world))
  )

  it.live("never pushes what was delivered, or what has no transactions", () =>
    Effect.gen(function* () {
      const servers = yield* startAll({ _tag: "Answering" }, { _tag: "Failing" }, { _tag: "Answering" })
      const [first, second, third] = entriesOf(servers)
      if (first === undefined || second === undefined || third === undefined)
        return assert.fail("three servers")
      const entries = [first, second, { name: third.name, url: third.url }]
      const { results } = yield* pushAll("push", entries)
      assert.deepStrictEqual(
        results.map(({ _tag }) => _tag),
        ["Pushed", "Failed", "Skipped"]
      )
      yield* pushAll("push again", remember(entries, results))
      const seen = yield* servers.seenIdle([0, 1, 2])
      assert.deepStrictEqual(
        seen.map((server) => requestsOf(server, "push").length),
        [1, 2, 0]
      )
    }).pipe(Effect.provide(world))
  )

  it.live("results are kept by position, not by a name or a url that two entries share", () =>
    Effect.gen(function* () {
      const servers = yield* startAll({ _tag: "Answering" })
      const [entry] = entriesOf(servers)
      if (entry === undefined) return assert.fail("one server")
      const { results } = yield* pushAll("push", [entry, entry, { ...entry, txs: ["other"] }], {
        concurrency: 1
      })
      assert.deepStrictEqual(
        results.map(({ _tag }) => _tag),
        ["Pushed", "AlreadyPresent", "Pushed"]
      )
    }).pipe(Effect.provide(world))
  )

  it.live("no entries are an empty result at once", () =>
    Effect.gen(function* () {
      const { results, watched } = yield* pushAll("push", [])
      assert.deepStrictEqual(results, [])
      assert.deepStrictEqual(watched.tickSeconds, [])
    }).pipe(Effect.provide(world))
  )
})
