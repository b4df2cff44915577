import { readdir, readFile, writeFile } from "node:fs/promises"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { fixtures } from "./support/fixtures.ts"
import { runSim, scratch, startSim } from "./support/simProcess.ts"
import { timeout } from "./support/workers.ts"

const hashOf = (text: string): string => /hash ([0-9a-f]+)/.exec(text)?.[1] ?? "none"

describe("the process", { timeout }, () => {
  it("leaves a failure as a file where the user is, which replays as the same run and becomes a picture", async () => {
    const cwd = await scratch()
    const ran = await runSim(
      cwd,
      fixtures.bad,
      "run",
      "--runs",
      "200",
      "--workers",
      "1",
      "--json",
      "report.json"
    )
    assert.strictEqual(ran.code, 1, ran.err)
    assert.strictEqual(ran.err, "")
    const [name = ""] = await readdir(join(cwd, ".simlab"))
    assert.match(name, /^odd_one-OD-1-[0-9a-f]+\.json$/)
    assert.match(ran.out, /✗ odd \/ one .* OD-1\n.*OD-1 does not hold: .* is odd\n.*of 1 suite 1 failed/s)
    assert.include(ran.out, `run sim replay .simlab/${name}\n`)
    const failure = JSON.parse(await readFile(join(cwd, ".simlab", name), "utf8"))
    const report = JSON.parse(await readFile(join(cwd, "report.json"), "utf8"))
    assert.deepStrictEqual(report.suites[0].failures, [failure])
    assert.deepInclude(report, { good: false, asked: 1, stopped: false, seed: 0, runs: 200, shard: "1/1" })

    const replays = await Promise.all([
      runSim(cwd, fixtures.bad, "replay", `.simlab/${name}`, "--trace", "run.html"),
      runSim(cwd, fixtures.bad, "replay", failure.token, "--trace", "run.json")
    ])
    for (const { code, err, out } of replays) {
      assert.strictEqual(code, 1, err)
      assert.strictEqual(hashOf(out), failure.hash)
      assert.include(out, failure.message)
    }
    assert.include(replays[0].out, "run.html (open it in a browser)")
    const pasted = await runSim(cwd, fixtures.bad, "replay", ` ${failure.token}\n`)
    assert.strictEqual(hashOf(pasted.out), failure.hash)
    const over = await runSim(
      cwd,
      fixtures.bad,
      "replay",
      `.simlab/${name}`,
      "--trace",
      `./.simlab/../.simlab/${name}`
    )
    assert.strictEqual(over.code, 1)
    assert.match(over.err, /is the failure that is to be replayed: write the trace to another file/)
    assert.deepStrictEqual(JSON.parse(await readFile(join(cwd, ".simlab", name), "utf8")), failure)
    assert.match(await readFile(join(cwd, "run.html"), "utf8"), /^<!doctype html>/i)
    assert.isAbove(JSON.parse(await readFile(join(cwd, "run.json"), "utf8")).traceEvents.length, 1)
  })

  it("tells of a failure that cannot become a file", async () => {
    const cwd = await scratch()
    await writeFile(join(cwd, ".simlab"), "in the way")
    const { code, err, out } = await runSim(cwd, fixtures.bad, "run", "--workers", "1")
    assert.strictEqual(code, 1)
    assert.strictEqual(err, "")
    assert.match(
      out,
      /OD-1 does not hold.*SIM_REPLAY=.*\(no file of it: cannot write \.simlab\/odd_one\S+: there is a file where its directory should be\)/s
    )
    assert.match(out, /of 1 suite 1 failed/)
  })

  it("prints the same hash as another process for the same seed", async () => {
    const cwd = await scratch()
    const run = (workers: string) =>
      runSim(cwd, fixtures.good, "run", "--runs", "60", "--seed", "3", "--workers", workers)
    const [a, b] = await Promise.all([run("1"), run("2")])
    assert.deepStrictEqual([a.code, b.code], [0, 0], a.err + b.err)
    assert.match(hashOf(a.out), /^[0-9a-f]{8}$/)
    assert.strictEqual(hashOf(a.out), hashOf(b.out))
    assert.isEmpty(await readdir(cwd))
  })

  it("ends with 130 on Ctrl-C, whatever its workers do, and says how far it got", async () => {
    const cwd = await scratch()
    const sim = startSim(cwd, fixtures.endless, "run", "--workers", "1", "--json", "report.json")
    await sim.saw(/suite .*\n.*──\n/)
    sim.kill("SIGINT")
    assert.strictEqual(await sim.ended, 130)
    const { err, out } = sim.output()
    assert.strictEqual(err, "")
    assert.match(out, /○ endless .*cut short: 0 of 1,000 runs.*\nof 1 suite 1 stopped: 0 runs/s)
    const report = JSON.parse(await readFile(join(cwd, "report.json"), "utf8"))
    assert.deepInclude(report.suites[0], { suite: "endless", runs: 0, expected: 1000 })
  })

  it("tells of a failure although Ctrl-C comes while it is made small", async () => {
    const cwd = await scratch()
    const sim = startSim(cwd, fixtures.slow, "run", "--workers", "1", "--json", "report.json")
    await sim.saw(/made smaller/)
    sim.kill("SIGINT")
    assert.strictEqual(await sim.ended, 130)
    const { out } = sim.output()
    assert.match(out, /✗ slow .* SL-1\n.*SL-1 does not hold: it has \d+ items/s)
    assert.match(out, /warning: .*it is as it was found.*of 2 suites 1 failed, 1 not run/s)
    const report = JSON.parse(await readFile(join(cwd, "report.json"), "utf8"))
    assert.deepInclude(report, { good: false, asked: 2, stopped: true })
    assert.deepInclude(report.suites[0].failures[0], { identity: "SL-1", run: 0 })
  })

  it("makes no failure smaller when the time is up", async () => {
    const cwd = await scratch()
    const start = performance.now()
    const { code, out } = await runSim(cwd, fixtures.slow, "run", "slow", "--time-limit", "1 second")
    assert.isBelow(performance.now() - start, 15_000)
    assert.strictEqual(code, 1)
    assert.match(out, /SL-1 does not hold: .*warning: .*the time was up before it was as small as it gets/s)
  })

  it("says how to make a failure again that has no token, and writes no control characters", async () => {
    const cwd = await scratch()
    const { code, out } = await runSim(cwd, fixtures.dates, "run", "--workers", "1", "--seed", "2")
    assert.strictEqual(code, 1)
    assert.match(out, /✗ dates \\u001b\[31m\\u009b\\nof a /)
    assert.include(out, "DA-1 does not hold: late \\u001b]0;x\\u0007\n")
    assert.notMatch(out, /[^\P{Cc}\n]/u)
    assert.notMatch(out, /sim replay/)
    const [, again = ""] = /Make its run again:\n.* run sim (run .*)\n/.exec(out) ?? []
    const name = "$'dates \\u001b[31m\\u009b\\nof a \\\\ person\\'s'"
    assert.match(again.replace(name, "NAME"), /^run NAME --seed 2 --runs (\d+) --shard \1\/\1$/)
    const [file = ""] = await readdir(join(cwd, ".simlab"))
    const replayed = await runSim(cwd, fixtures.dates, "replay", `.simlab/${file}`)
    assert.strictEqual(replayed.code, 1)
    assert.match(
      replayed.err,
      /cannot be replayed: no token for this run: workload is a Date\..*with its seed\.\n/s
    )
  })

  it("ends with 1 when a worker dies, and says where", async () => {
    const cwd = await scratch()
    const { code, err, out } = await runSim(cwd, fixtures.exits, "run", "--workers", "1")
    assert.strictEqual(code, 1)
    assert.match(err, /a worker died in run \d+ of the suite "it's gone"/)
    assert.notInclude(err, "    at ")
    assert.match(out, /cut short.*of 1 suite 1 stopped/s)
  })
})
