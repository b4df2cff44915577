import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { keepingTerminal } from "@holdfast/terminal/testing"
import { Effect, Layer } from "effect"
import { Command } from "effect/cli"
import { simlab } from "../src/cli.ts"
import type { Compared } from "../src/comparison.ts"
import { fixtures } from "./support/fixtures.ts"
import { timeout, workers } from "./support/workers.ts"

/** What the command shows, and what it writes. */
const compare = async (...args: ReadonlyArray<string>) => {
  const folder = await mkdtemp(join(tmpdir(), "compare-"))
  const file = join(folder, "figures.json")
  const { displayed, layer } = keepingTerminal({ isTerminal: false, columns: 80, env: {} })
  const command = Command.runWith(simlab, { version: "0", renderErrors: false })([
    "compare",
    ...args,
    "--json",
    file
  ])
  try {
    const services = Layer.mergeAll(layer, workers(fixtures.good)).pipe(
      Layer.provideMerge(NodeServices.layer)
    )
    await Effect.runPromise(Effect.provide(command, services))
    const {
      tables
    }: {
      readonly tables: ReadonlyArray<{ readonly title: string; readonly rows: ReadonlyArray<Compared> }>
    } = JSON.parse(await readFile(file, "utf8"))
    return { text: displayed.join(""), tables }
  } finally {
    await rm(folder, { recursive: true })
  }
}

const one = ["--traces", "1"]

describe("sim compare", { timeout }, () => {
  it("shows the same figures for the same seed, and others for another seed", async () => {
    const first = await compare("slow primary", ...one, "--seed", "1")
    assert.deepStrictEqual(await compare("slow primary", ...one, "--seed", "1"), first)
    assert.notDeepEqual((await compare("slow primary", ...one, "--seed", "2")).tables, first.tables)
  })

  it("shows what docs/failover-comparison.md has recorded; if not, `pnpm run record:comparison` does it anew", async () => {
    const page = await readFile(join(import.meta.dirname, "../../../docs/failover-comparison.md"), "utf8")
    // The families that tell most of what may have changed, as all of them take half a minute.
    for (const family of ["bursts of errors", "flapping primary"]) {
      const { text } = await compare(family)
      const [table = assert.fail("there is no table")] = text.split("\n\n")
      assert.include(page, table)
    }
  })

  it("says by how much each strategy differs from the first, in a family and in all that were chosen", async () => {
    const { tables, text } = await compare("refusing primary", "bursts of errors", ...one)
    assert.deepStrictEqual(
      tables.map(({ title }) => title),
      ["refusing primary", "bursts of errors", "all of them together"]
    )
    for (const { rows, title } of tables) {
      assert.include(text, title)
      const [first] = rows
      assert.isDefined(first)
      assert.isAbove(rows.length, 1)
      for (const row of rows) {
        assert.include(text, row.strategy)
        assert.strictEqual(row.reads.count, first.reads.count)
        assert.strictEqual(row.failedReadsMore, row.reads.failed - first.reads.failed)
        assert.strictEqual(row.p99MoreMillis, row.reads.p99Millis - first.reads.p99Millis)
        assert.strictEqual(row.p99Ratio, row.reads.p99Millis / first.reads.p99Millis)
      }
    }
  })
})
