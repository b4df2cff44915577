import { execFile } from "node:child_process"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"
import { quick } from "../src/Bench.ts"
import { benches } from "../src/benches/index.ts"
import { compare, measure, type Round } from "../src/harness.ts"

const timeout = 60_000
const main = fileURLToPath(new URL("../src/main.ts", import.meta.url))
const worker = fileURLToPath(new URL("../src/worker.ts", import.meta.url))

/** What a process of its own finds, line by line. */
const inProcess = async (bench: string, name: string, preload?: URL): Promise<ReadonlyArray<Round>> => {
  const imports = preload === undefined ? [] : ["--import", preload.href]
  const task = JSON.stringify({ bench, name, effort: quick })
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", ...imports, worker, task])
  return stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line))
}

/** All numbers in a value, at any depth; JSON writes a number that is not finite as null. */
const numbers = (value: unknown): ReadonlyArray<unknown> =>
  typeof value === "object" && value !== null
    ? Object.values(value).flatMap(numbers)
    : typeof value === "number" || value === null
      ? [value]
      : []

describe("benches", () => {
  for (const { groups, memory, name, trials = [] } of benches) {
    for (const group of groups) {
      it(`${name}/${group.name} runs, and all its figures are finite`, { timeout }, async () => {
        const rounds: Array<Round> = []
        await measure(group, quick, (round) => rounds.push(round))
        const rows = compare(group, rounds)
        assert.lengthOf(rows, group.subjects.length)
        assert.isTrue(numbers(rows).every(Number.isFinite))
      })
    }
    for (const { figures, name: trial, run } of trials) {
      it(`${name}/${trial} gives a finite number for each of its figures`, { timeout }, async () => {
        const found = await run(quick)
        assert.lengthOf(found, figures.length)
        assert.isTrue(found.every(Number.isFinite))
      })
    }
    for (const { name: memoryCase, run } of memory) {
      it(`${name}/${memoryCase} runs`, { timeout }, () => run(quick.size))
    }
  }

  for (const { groups, name } of benches) {
    for (const { name: group, preload, subjects } of groups.filter(({ preload }) => preload !== undefined)) {
      it(`${name}/${group} runs after what it preloads`, { timeout }, async () => {
        const rounds = await inProcess(name, group, preload)
        assert.lengthOf(rounds, quick.rounds)
        assert.lengthOf(rounds.flat().filter(Number.isFinite), quick.rounds * subjects.length)
      })
    }
  }

  it("a process tells its peak of memory, or how much its heap has grown", { timeout }, async () => {
    const [[peak] = []] = await inProcess("fanout", "none")
    const [[growth] = []] = await inProcess("simulator", "heap-sleep")
    assert.isAbove(peak ?? Number.NaN, 10)
    // A few runs leave less behind than a process needs at all.
    assert.isBelow(Math.abs(growth ?? Number.NaN), 10)
  })

  it("the command writes its figures as JSON", { timeout }, async () => {
    const folder = await mkdtemp(join(tmpdir(), "bench-"))
    const file = join(folder, "result.json")
    try {
      await promisify(execFile)(process.execPath, [main, "call", "--quick", "--json", file])
      const { benches: results, node } = JSON.parse(await readFile(file, "utf8"))
      assert.strictEqual(node, process.version)
      assert.strictEqual(results[0].name, "call")
      assert.isAbove(numbers(results).length, 100)
      assert.isTrue(numbers(results).every(Number.isFinite))
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})
