import { Script } from "node:vm"
import { assert, describe, it } from "@effect/vitest"
import type * as Trace from "@holdfast/sim/Trace"
import { modelOf } from "../../src/timeline/Model.ts"
import type { Run } from "../../src/timeline/Run.ts"
import { toHtml } from "../../src/timeline/toHtml.ts"
import { busy, crowd, empty, hostile, transfers } from "./sample.ts"

const samples = {
  transfers: transfers(),
  crowd: crowd(),
  busy: busy(3000),
  hostile: hostile(),
  empty: empty()
}

/** The texts of the script elements, read as a browser does: one ends at the first `</script`. */
const scriptsOf = (html: string): ReadonlyArray<{ readonly opening: string; readonly text: string }> =>
  html
    .split(/(?=<script)/i)
    .slice(1)
    .map((part) => {
      const begin = part.indexOf(">") + 1
      return { opening: part.slice(0, begin), text: part.slice(begin, part.search(/<\/script/i)) }
    })

/** What JSON can hold of a run. */
const plain = (run: Run): unknown =>
  JSON.parse(JSON.stringify(run).replaceAll('"untilNanos":null', '"untilNanos":"Infinity"'))

describe.each(Object.entries(samples))("toHtml of %s", (_, run) => {
  const html = toHtml(run)
  const scripts = scriptsOf(html)

  it("the page holds the whole run", () => {
    assert.deepStrictEqual(JSON.parse(scripts[0]?.text ?? ""), plain(run))
  })

  it("the page has three scripts whatever the events say, and only the last one runs", () => {
    assert.deepStrictEqual(
      scripts.map(({ opening }) => opening),
      [
        '<script type="application/json" id="run">',
        '<script type="application/json" id="model">',
        '<script type="module">'
      ]
    )
    assert.notInclude(scripts[0]?.text, "<")
    assert.notInclude(scripts[1]?.text, "<")
  })

  it("the head has no markup that came from the run", () => {
    const title = /<title>([\s\S]*?)<\/title>/.exec(html)?.[1] ?? ""
    assert.notMatch(title, /[<>"']/)
    assert.strictEqual(html.split("<title>").length, 2)
  })
})

describe("toHtml", () => {
  const html = toHtml(samples.transfers)

  it("the modules of the page make one script that parses", () => {
    const text = scriptsOf(html)[2]?.text ?? ""
    assert.notMatch(text, /^\s*(import|export)\b/m)
    assert.doesNotThrow(() => new Script(`"use strict"\n{${text}}`))
  })

  it("the page loads nothing and lets no other script run", () => {
    assert.match(
      html,
      /Content-Security-Policy" content="default-src 'none';[^"]* script-src 'sha256-[\w+/=]+'/
    )
    assert.notMatch(html, /\b(src|href)\s*=/)
    assert.notMatch(html, /url\(|@import|https?:/)
  })

  it("two calls give the same page", () => {
    assert.strictEqual(html, toHtml(transfers()))
  })
})

describe("modelOf", () => {
  it("a fiber on a host that crashes is killed, and one that starts after it is not", () => {
    const lives = modelOf(samples.transfers).fibers.filter(({ name }) => name === "accept connections")
    assert.deepStrictEqual(
      lives.map(({ host, ending }) => [host, ending]),
      [
        ["ledger-a", "killed"],
        ["ledger-b", "open"],
        ["ledger-a", "open"]
      ]
    )
  })

  it("a host is down from its crash to its restart, and paused from its pause to its resumption", () => {
    const { states, events } = modelOf(samples.transfers)
    assert.deepStrictEqual(
      states.map(({ host, state, first, last }) => [
        host,
        state,
        events[first]?.atNanos,
        events[last]?.atNanos
      ]),
      [
        ["ledger-a", "down", 2.1e9, 3.4e9],
        ["ledger-b", "paused", 4.2e9, 4.7e9]
      ]
    )
  })

  it("a host whose program has ended is not down", () => {
    const exit = {
      atNanos: 1,
      host: "a",
      fiber: 1,
      kind: "host",
      text: "a exits",
      data: { phase: "exit" }
    } as const
    assert.isEmpty(modelOf({ ...samples.empty, events: [exit] }).states)
  })

  it("a fault that is said to last lasts that long, or until all are healed", () => {
    const note = (atNanos: number, data: Trace.Event["data"]): Trace.Event => ({
      atNanos,
      host: "a",
      fiber: undefined,
      kind: "note",
      text: "",
      data
    })
    const partition = { fault: "partition", from: "a", to: "b" }
    const events = [
      note(0, { ...partition, untilNanos: 5 }),
      note(1, undefined),
      note(6, { ...partition, untilNanos: 20 }),
      note(9, { phase: "heal" }),
      note(12, { ...partition, untilNanos: 14 }),
      note(13, { atNanos: 30 })
    ]
    assert.deepStrictEqual(
      modelOf({ ...samples.empty, events }).faults.map(({ event, kind, untilNanos }) => [
        event,
        kind,
        untilNanos
      ]),
      [
        [0, "partition", 5],
        [2, "partition", 9],
        [4, "partition", 14]
      ]
    )
  })

  it("the page shows what was given", () => {
    const scenario = [["workload", "a transfer of 5 <coins>"]] as const
    assert.include(toHtml({ ...samples.empty, scenario }), "a transfer of 5 \\u003ccoins>")
  })

  it("a message that the network duplicated flies twice, and one that never arrives stays open", () => {
    const message = (atNanos: number, phase: string, id: number) =>
      ({
        atNanos,
        host: "a",
        fiber: undefined,
        kind: "message",
        text: "",
        data: { phase, id, from: "a", to: "b" }
      }) as const
    const events = [
      message(0, "send", 1),
      message(1, "send", 2),
      message(2, "deliver", 1),
      message(3, "deliver", 1)
    ]
    const { flights } = modelOf({ ...samples.empty, events })
    assert.deepStrictEqual(
      flights.map(({ sent, ended, fate }) => [sent, ended, fate]),
      [
        [0, 2, "delivered"],
        [0, 3, "delivered"],
        [1, -1, "open"]
      ]
    )
  })

  it("the failure is the first failed check, or else the last event of a run that failed", () => {
    const { transfers: failed, crowd: passed, busy: stuck } = samples
    assert.strictEqual(failed.events[modelOf(failed).failure]?.kind, "check")
    assert.strictEqual(modelOf(passed).failure, -1)
    assert.strictEqual(modelOf(stuck).failure, stuck.events.length - 1)
  })
})
