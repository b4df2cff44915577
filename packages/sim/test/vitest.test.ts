import { spawnSync } from "node:child_process"
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { onTestFinished } from "vitest"

/** A test file with one suite that holds and one that does not, run by vitest itself in a process of its own. */
const usualFile = `
import { Check, Suite } from "@holdfast/sim"
import { it } from "@holdfast/sim/vitest"
import { describe } from "vitest"
import * as fc from "fast-check"

const suiteOf = (name, max) =>
  Suite.make({
    name,
    guarantees: ["X-1"],
    arbitrary: fc.nat(max),
    run: (n) => Check.always("X-1", n < 50, () => n + " is too large")
  })

it("usual tests work", () => {})
describe("suites", () => {
  it.sim("X-1: good", suiteOf("good", 49))
  it.sim("X-1: bad", suiteOf("bad", 100), { runs: 300 })
})
`

/** What takes long, by the clock of the machine that a run does not seal for those who kept it. */
const slowFile = `
import { Check, Suite } from "@holdfast/sim"
import { it } from "@holdfast/sim/vitest"
import { Effect } from "effect"
import * as fc from "fast-check"

const { now } = Date
const work = (millis) => Effect.sync(() => { for (const end = now() + millis; now() < end; ); })

const suiteOf = (name, max) =>
  Suite.make({
    name,
    guarantees: ["X-1"],
    arbitrary: fc.array(fc.nat(), { minLength: 10 }),
    run: (list) => Effect.andThen(work(60), Check.always("X-1", list.length < max, () => list.length + " items"))
  })

it.sim("X-1: slow", suiteOf("slow", Infinity), { runs: 100_000, timeout: 300 })
it.sim("X-1: slow and bad", suiteOf("slow and bad", 1), { timeout: 300 })
`

const project = join(import.meta.dirname, "..")

const runVitest = (env: Record<string, string>, file = usualFile) => {
  const folder = mkdtempSync(join(project, "test", ".vitest-"))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, "sample.test.mjs"), file)
  writeFileSync(join(folder, "vitest.config.mjs"), "export default {}")
  const cli = join(project, "node_modules/vitest/vitest.mjs")
  const output = join(folder, "report.json")
  const args = [cli, "run", "--root", folder, "--reporter", "json", "--outputFile", output]
  const { stderr } = spawnSync(process.execPath, args, {
    encoding: "utf8",
    // What a worker of vitest has in its environment is not meant for another vitest.
    env: { PATH: process.env.PATH ?? "", ...env },
    timeout: 60_000
  })
  if (!existsSync(output)) assert.fail(stderr)
  const report: {
    readonly testResults: ReadonlyArray<{ readonly assertionResults: ReadonlyArray<Assertion> }>
  } = JSON.parse(readFileSync(output, "utf8"))
  return Object.fromEntries(
    report.testResults.flatMap((one) => one.assertionResults).map((one) => [one.title, one])
  )
}

interface Assertion {
  readonly title: string
  readonly status: string
  readonly failureMessages: ReadonlyArray<string>
}

describe("it.sim", () => {
  it("is a test of an ordinary file, and its failure can be replayed alone", { timeout: 120_000 }, () => {
    const first = runVitest({})
    assert.strictEqual(first["usual tests work"]?.status, "passed")
    assert.strictEqual(first["X-1: good"]?.status, "passed")
    assert.strictEqual(first["X-1: bad"]?.status, "failed")
    const message = first["X-1: bad"]?.failureMessages[0] ?? ""
    assert.include(message, "X-1 does not hold: 50 is too large")
    const token = /SIM_REPLAY='([^']+)'/.exec(message)?.[1] ?? assert.fail(`no token in ${message}`)
    const replayed = runVitest({ SIM_REPLAY: token })
    const other = Object.keys(replayed).find((title) => title.startsWith("X-1: good")) ?? ""
    assert.strictEqual(replayed[other]?.status, "skipped")
    assert.include(other, 'SIM_REPLAY is for the suite "bad"')
    assert.strictEqual(replayed["X-1: bad"]?.status, "failed")
    assert.include(replayed["X-1: bad"]?.failureMessages[0] ?? "", "50 is too large")
    // As a shell script has it that sets nothing.
    assert.strictEqual(runVitest({ SIM_REPLAY: "" })["X-1: good"]?.status, "passed")
  })

  it("ends when its time is up, and says how many runs it made, or what failed until then", () => {
    const start = performance.now()
    const ran = runVitest({}, slowFile)
    assert.isBelow(performance.now() - start, 30_000)
    assert.match(
      ran["X-1: slow"]?.failureMessages[0] ?? "",
      /slow: nothing failed in \d+ of 100000 runs, and then the time of 300 ms was up/
    )
    const bad = ran["X-1: slow and bad"]?.failureMessages[0] ?? ""
    assert.match(bad, /X-1 does not hold: \d+ items/)
    assert.match(bad, /warning: .*the time was up before it was as small as it gets/)
  })
})
