import { assert, describe, it } from "@effect/vitest"
import type { Run } from "../../src/timeline/Run.ts"
import { toPerfetto } from "../../src/timeline/toPerfetto.ts"
import { busy, crowd, empty, hostile, transfers } from "./sample.ts"

interface Entry {
  readonly ph: string
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly name: string
  readonly dur?: number
  readonly id?: number
  readonly cat?: string
  readonly args?: Record<string, unknown>
}

const entriesOf = (run: Run): ReadonlyArray<Entry> => JSON.parse(toPerfetto(run)).traceEvents

const samples = {
  transfers: transfers(),
  crowd: crowd(),
  busy: busy(3000),
  hostile: hostile(),
  empty: empty()
}

const group = <K>(entries: ReadonlyArray<Entry>, key: (entry: Entry) => K): Map<K, Array<Entry>> => {
  const groups = new Map<K, Array<Entry>>()
  for (const entry of entries) groups.set(key(entry), [...(groups.get(key(entry)) ?? []), entry])
  return groups
}

describe.each(Object.entries(samples))("toPerfetto of %s", (_, run) => {
  const entries = entriesOf(run)

  it("every entry has a phase, an instant, and a process and thread above zero", () => {
    for (const entry of entries) {
      assert.isTrue(["M", "X", "i", "s", "f"].includes(entry.ph))
      assert.isTrue(Number.isFinite(entry.ts) && entry.ts >= 0)
      assert.isTrue(Number.isInteger(entry.pid) && entry.pid > 0)
      assert.isTrue(Number.isInteger(entry.tid) && entry.tid > 0)
      assert.isAbove(entry.name.length, 0)
    }
  })

  it("durations are never negative and never outlast the run", () => {
    for (const entry of entries.filter(({ ph }) => ph === "X")) {
      assert.isAtLeast(entry.dur ?? -1, 0)
      assert.isAtMost(entry.ts + (entry.dur ?? 0), run.virtualNanos / 1e3 + 0.002)
    }
  })

  it("each flow has one start and one end, each at a slice of its own thread", () => {
    const slices = new Set(
      entries.filter(({ ph }) => ph === "X").map(({ pid, tid, ts }) => `${pid} ${tid} ${ts}`)
    )
    const flows = group(
      entries.filter(({ ph }) => ph === "s" || ph === "f"),
      ({ id }) => id
    )
    for (const ends of flows.values()) {
      assert.deepStrictEqual(ends.map(({ ph }) => ph).sort(), ["f", "s"])
      const at = (phase: string): number => ends.find(({ ph }) => ph === phase)?.ts ?? Number.NaN
      assert.isAtMost(at("s"), at("f"))
      for (const { pid, tid, ts } of ends) assert.isTrue(slices.has(`${pid} ${tid} ${ts}`))
    }
  })

  it("each process and each thread has one name, and a thread belongs to one process", () => {
    const named = entries.filter(({ name }) => name === "process_name").map(({ pid }) => pid)
    assert.deepStrictEqual([...new Set(named)], named)
    assert.deepStrictEqual(new Set(named), new Set(entries.map(({ pid }) => pid)))
    const threads = entries.filter(({ name }) => name === "thread_name").map(({ tid }) => tid)
    assert.deepStrictEqual([...new Set(threads)], threads)
    const rest = entries.filter(({ ph }) => ph !== "M")
    for (const [tid, some] of group(rest, (entry) => entry.tid)) {
      assert.include(threads, tid)
      assert.strictEqual(new Set(some.map(({ pid }) => pid)).size, 1)
    }
  })

  it("slices of one thread nest", () => {
    for (const slices of group(
      entries.filter(({ ph }) => ph === "X"),
      ({ tid }) => tid
    ).values()) {
      const open: Array<number> = []
      const longestFirst = slices.toSorted((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))
      for (const { ts, dur = 0 } of longestFirst) {
        while (open.length > 0 && (open.at(-1) ?? 0) <= ts) open.pop()
        if (open.length > 0) assert.isAtMost(ts + dur, open.at(-1) ?? 0)
        open.push(ts + dur)
      }
    }
  })

  it("what happens in an instant stands there as often as in the trace", () => {
    const instant = new Set(["run", "host", "disk", "log", "note", "check"])
    const expected = run.events.filter(({ kind }) => instant.has(kind)).map(({ text }) => text)
    const found = entries.filter(({ ph, cat }) => ph === "i" && cat !== "fault").map(({ args }) => args?.text)
    assert.deepStrictEqual(found.filter((text) => text !== undefined).sort(), expected.sort())
  })
})

describe("toPerfetto", () => {
  it("a fiber lives from its start to its end, or to the crash of its host", () => {
    const entries = entriesOf(samples.transfers)
    const life = (name: string): Entry | undefined => entries.find((it) => it.ph === "X" && it.name === name)
    assert.strictEqual(life("transfer 0")?.ts, 150_000)
    assert.strictEqual(life("transfer 0")?.dur, 1_500_000)
    assert.deepInclude(life("flush journal"), { ts: 3000, dur: 2_097_000 })
    assert.strictEqual(life("flush journal")?.args?.ending, "killed")
    assert.strictEqual(life("program")?.args?.ending, "open")
  })

  it("a partition stands on both of its hosts for as long as it lasts", () => {
    const faults = entriesOf(samples.transfers).filter((it) => it.name === "partition")
    assert.strictEqual(new Set(faults.map(({ pid }) => pid)).size, 2)
    for (const { ts, dur } of faults) assert.deepStrictEqual([ts, dur], [1_200_000, 1_700_000])
  })

  it("a message that was dropped still has its flow", () => {
    const drops = entriesOf(samples.transfers).filter(({ name }) => name.startsWith("drop: "))
    assert.isAbove(drops.length, 0)
    const ends = entriesOf(samples.transfers).filter(({ ph }) => ph === "f")
    for (const { ts, tid } of drops) assert.isTrue(ends.some((end) => end.ts === ts && end.tid === tid))
  })

  it("the failure and the token stand beside the events", () => {
    const { failure, token } = JSON.parse(toPerfetto(samples.transfers)).otherData
    assert.strictEqual(failure, samples.transfers.failure)
    assert.strictEqual(token, samples.transfers.token)
  })
})
