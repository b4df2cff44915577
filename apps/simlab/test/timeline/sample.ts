/** Made-up runs that look like real ones. */
import type * as Trace from "@holdfast/sim/Trace"
import type { Run } from "../../src/timeline/Run.ts"

type Data = Record<string, string | number | boolean>

const ms = 1e6
const second = 1e9

/** A trace that is written from the first instant to the last, whatever the order of the calls. */
class Recorder {
  readonly #events: Array<Trace.Event> = []
  #fibers = 0
  #messages = 0

  add(at: number, host: string, kind: Trace.Kind, text: string, data?: Data, fiber?: number): void {
    this.#events.push({ atNanos: Math.round(at), host, fiber, kind, text, data })
  }

  fiber(at: number, host: string, name: string, until?: number): number {
    const fiber = ++this.#fibers
    this.add(at, host, "fiber", name, { phase: "start" }, fiber)
    if (until !== undefined) this.add(until, host, "fiber", name, { phase: "end" }, fiber)
    return fiber
  }

  message(
    at: number,
    from: string,
    to: string,
    text: string,
    options: { until: number | undefined; lost?: boolean; fiber?: number; into?: number }
  ): void {
    const id = ++this.#messages
    this.add(at, from, "message", text, { phase: "send", id, from, to }, options.fiber)
    if (options.until === undefined) return
    const phase = options.lost === true ? "drop" : "deliver"
    this.add(options.until, to, "message", text, { phase, id, from, to }, options.into)
  }

  run(rest: Partial<Run>): Run {
    const events = this.#events.toSorted((a, b) => a.atNanos - b.atNanos)
    return {
      title: "run 17",
      suite: "sample",
      token: "WzEsInNhbXBsZSIsW10sW10sW10sMV0",
      failure: undefined,
      virtualNanos: events.at(-1)?.atNanos ?? 0,
      hash: "9f3c1a77e0b4d215",
      scenario: [],
      ...rest,
      events
    }
  }
}

/** Numbers below n, the same in each run. (Numerical Recipes' linear congruential generator.) */
const numbers = (seed: number): ((n: number) => number) => {
  let state = seed
  return (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return Math.floor((state / 2 ** 32) * n)
  }
}

const crashAndRestart = (trace: Recorder): void => {
  trace.add(0, "main", "run", "the run begins")
  for (const host of ["gateway", "ledger-a", "ledger-b"])
    trace.add(0, host, "host", `${host} starts`, { phase: "start" })
  trace.add(2100 * ms, "ledger-a", "fault", "ledger-a is killed", { fault: "crash" })
  trace.add(2100 * ms, "ledger-a", "host", "ledger-a crashes", { phase: "crash" })
  trace.add(3400 * ms, "ledger-a", "host", "ledger-a restarts", { phase: "restart" })
  trace.add(3405 * ms, "ledger-a", "disk", "read /journal: 3 entries, the last one torn", {
    path: "/journal"
  })
  trace.add(4200 * ms, "ledger-b", "fault", "ledger-b stops for a collection of garbage", {
    fault: "pause",
    untilNanos: 4700 * ms
  })
  trace.add(4200 * ms, "ledger-b", "host", "ledger-b pauses", { phase: "pause" })
  trace.add(4700 * ms, "ledger-b", "host", "ledger-b resumes", { phase: "resume" })
  trace.add(1200 * ms, "main", "fault", "gateway cannot reach ledger-b", {
    fault: "partition",
    from: "gateway",
    to: "ledger-b",
    untilNanos: 2900 * ms
  })
  trace.add(3000 * ms, "main", "fault", "30 ms more on gateway – ledger-a", {
    fault: "latency",
    from: "gateway",
    to: "ledger-a",
    untilNanos: 4000 * ms
  })
}

const servers = (trace: Recorder, random: (n: number) => number): void => {
  for (const [host, until] of [
    ["ledger-a", 2100],
    ["ledger-b", undefined]
  ] as const) {
    const accept = trace.fiber(2 * ms, host, "accept connections")
    const flush = trace.fiber(3 * ms, host, "flush journal")
    trace.add(2 * ms, host, "log", "listening on :7000", {}, accept)
    for (let at = 500; at < (until ?? 5600); at += 500) {
      trace.add(
        at * ms,
        host,
        "disk",
        `fsync /journal (${random(4) + 1} entries)`,
        { path: "/journal" },
        flush
      )
    }
  }
  trace.fiber(3410 * ms, "ledger-a", "accept connections")
  for (let index = 0; index < 9; index++) {
    const at = (100 + random(1800)) * ms
    trace.fiber(at, "gateway", "health probe", at + random(40) * ms)
  }
}

/** One call with its attempts: some answered, some lost in the partition, some killed with their server. */
const call = (trace: Recorder, random: (n: number) => number, index: number): void => {
  const start = (150 + index * 230) * ms
  const limit = start + 1500 * ms
  const target = index % 2 === 0 ? "ledger-a" : "ledger-b"
  const fiber = trace.fiber(start, "gateway", `transfer ${index}`, Math.min(limit, start + 1600 * ms))
  trace.add(start, "gateway", "note", "deadline of 1.5 s", { atNanos: limit }, fiber)
  let at = start
  for (let attempt = 1; attempt <= 3; attempt++) {
    const arrive = at + (8 + random(30)) * ms
    const isCut = target === "ledger-b" && at > 1200 * ms && at < 2900 * ms
    const isDead = target === "ledger-a" && arrive > 2100 * ms && arrive < 3400 * ms
    trace.message(at, "gateway", target, `POST /transfers/${index}`, {
      until: arrive,
      lost: isCut || isDead,
      fiber
    })
    if (!isCut && !isDead) {
      const done = arrive + (20 + random(60)) * ms
      const handler = trace.fiber(arrive, target, `handle /transfers/${index}`, done)
      trace.add(arrive + 5 * ms, target, "disk", "append /journal 96 bytes", { path: "/journal" }, handler)
      trace.message(done, target, "gateway", "201 Created", {
        until: done + 12 * ms,
        fiber: handler,
        into: fiber
      })
      trace.add(
        done + 12 * ms,
        "gateway",
        "note",
        `succeeded at attempt ${attempt}`,
        { outcome: "success" },
        fiber
      )
      return
    }
    const wait = 100 * 2 ** attempt * ms
    trace.add(
      at + 300 * ms,
      "gateway",
      "log",
      `WARN attempt ${attempt} timed out, next in ${wait / ms} ms`,
      {},
      fiber
    )
    at += 300 * ms + wait
  }
  trace.add(limit, "gateway", "note", "gave up: deadline exceeded", { outcome: "failure" }, fiber)
}

/** Three hosts, about 30 fibers, a partition, a crash and restart, a pause, retries under deadlines, a failed check. */
export const transfers = (): Run => {
  const trace = new Recorder()
  const random = numbers(7)
  const program = trace.fiber(0, "main", "program")
  crashAndRestart(trace)
  servers(trace, random)
  for (let index = 0; index < 20; index++) call(trace, random, index)
  trace.add(5200 * ms, "main", "log", "reading the balances of all accounts", {}, program)
  trace.message(5210 * ms, "main", "ledger-a", "GET /balances", { until: 5222 * ms, fiber: program })
  trace.message(5240 * ms, "ledger-a", "main", "200 OK", { until: 5251 * ms, into: program })
  const broken = "exactly-once: transfer 8 was applied twice (entries 14 and 21 of ledger-a)"
  trace.add(5260 * ms, "main", "check", broken, { guarantee: "RT-4", transfer: 8 }, program)
  trace.add(5600 * ms, "main", "run", "the run ends")
  return trace.run({
    suite: "Retry",
    title: "transfers under partition and crash, seed 4711",
    failure: `RT-4 ${broken}\nexpected the sum of all balances to be 1000, was 1010`
  })
}

/** 200 events in the instant of 5 s, a long gap, then backoff up to an hour: the time scale alone shows nothing. */
export const crowd = (): Run => {
  const trace = new Recorder()
  const program = trace.fiber(0, "main", "program", 3600 * second)
  trace.add(0, "main", "note", "deadline of one hour", { atNanos: 3600 * second }, program)
  for (let index = 0; index < 40; index++) {
    const fiber = trace.fiber(5 * second, "main", `target ${index}`, 5 * second + (index % 4) * 1000)
    for (let step = 0; step < 3; step++)
      trace.add(5 * second, "main", "log", `step ${step} of ${index}`, {}, fiber)
  }
  for (let wait = 1; wait < 3600; wait *= 3) {
    trace.add((5 + wait) * second, "main", "note", `attempt after ${wait} s`, {}, program)
  }
  return trace.run({ suite: "Backoff", title: "two hundred events in one instant" })
}

/** Ten hosts that talk all the time, until there are so many events. */
export const busy = (count: number): Run => {
  const trace = new Recorder()
  const random = numbers(3)
  const hosts = Array.from({ length: 10 }, (_, index) => `node-${index}`)
  for (const host of hosts) trace.add(0, host, "host", `${host} starts`, { phase: "start" })
  const isLost = (): boolean => random(25) === 0
  for (let index = 0; index * 7 < count - hosts.length; index++) {
    const at = index * 0.8 * ms + random(3) * ms
    const from = hosts[random(10)] ?? ""
    const to = hosts[random(10)] ?? ""
    const fiber = trace.fiber(at, from, `task ${index}`, at + random(400) * ms)
    trace.message(at, from, to, `ping ${index}`, { until: at + (1 + random(40)) * ms, lost: isLost(), fiber })
    trace.add(at + 2 * ms, from, "log", `step ${index} of the task`, { index }, fiber)
    trace.add(at + 3 * ms, from, random(9) > 0 ? "disk" : "note", `write ${random(4096)} bytes`, {}, fiber)
    if (index % 40 === 0) {
      trace.add(at, from, "fault", `loss at ${from}`, {
        fault: "loss",
        to,
        untilNanos: at + random(900) * ms
      })
    } else trace.add(at + 4 * ms, to, "log", "seen", {})
  }
  return trace.run({ suite: "Swarm", title: `${count} events`, failure: "liveness: no progress for 30 s" })
}

/** Texts that would break a page that trusted them. */
export const hostile = (): Run => {
  const trace = new Recorder()
  const texts = [
    "</script><script>globalThis.owned = 1</script>",
    "<!-- <script> -->",
    "<img src=x onerror='globalThis.owned = 2'>",
    `quotes " ' \` and \\ and $& $1 $\` {{run}} <!-- head -->`,
    "line one\nline two\u2028line three\u0000end",
    "naïve 日本語 🦭 \ud800 lone \u202e right to left",
    "__proto__"
  ]
  for (const [index, text] of texts.entries()) {
    const fiber = trace.fiber(index * ms, `host ${text}`, text, (index + 4) * ms)
    trace.add(index * ms, `host ${text}`, "log", text, { [text]: text }, fiber)
    trace.add(index * ms, text, "fault", text, { fault: text, untilNanos: Number.POSITIVE_INFINITY })
    trace.message(index * ms, text, `host ${text}`, text, { until: (index + 1) * ms })
  }
  const [first = ""] = texts
  const scenario = [[first, first]] as const
  return trace.run({
    suite: first,
    title: first,
    failure: texts.join("\n"),
    token: first,
    hash: first,
    scenario
  })
}

/** A run in which nothing happened. */
export const empty = (): Run => new Recorder().run({ suite: "Empty", title: "no events" })
