import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { onTestFinished } from "vitest"
import { gone, serversOf, startDemo, timeout } from "./demoProcess.ts"

const short = fileURLToPath(new URL("./shortGateway.ts", import.meta.url))
const naive = fileURLToPath(new URL("./naiveGateway.ts", import.meta.url))
const forgetful = fileURLToPath(new URL("./forgetfulGateway.ts", import.meta.url))

interface Row {
  readonly id: string
  readonly ok: boolean
}

/** What the demo in this file comes to. */
const run = async (file: string) => {
  const directory = await mkdtemp(join(tmpdir(), "control-room-"))
  onTestFinished(() => rm(directory, { recursive: true }))
  const json = join(directory, "result.json")
  const demo = startDemo(file, "--json", json)
  const code = await demo.ended
  const rows: ReadonlyArray<Row> = JSON.parse(await readFile(json, "utf8")).systems[0].promises
  return { code, rows, broken: rows.filter(({ ok }) => !ok).map(({ id }) => id), lines: demo.lines }
}

describe("the gateway before real nodes", { timeout }, () => {
  it("keeps what it promises, and says so as JSON", async () => {
    const { broken, code, lines, rows } = await run(short)
    assert.deepStrictEqual(broken, [], lines.join("\n"))
    assert.strictEqual(code, 0)
    const ids = rows.map(({ id }) => id)
    for (const id of ["slow/after", "black-hole/books", "dead/causes", "gateway/left-open"])
      assert.include(ids, id)
  })

  it("with the naive client in its place it breaks what is promised of the route, and the exit code is 1", async () => {
    const { broken, code } = await run(naive)
    assert.strictEqual(code, 1)
    assert.deepStrictEqual(broken, [
      "slow/left",
      "slow/route",
      "slow/logged",
      "slow/after",
      "black-hole/left",
      "black-hole/route",
      "black-hole/reads",
      "black-hole/unknown",
      "black-hole/after",
      "black-hole/asked",
      "black-hole/payments"
    ])
  })

  it("a client that takes for undone what may have been done breaks what is promised of the ledger", async () => {
    const { broken, code } = await run(forgetful)
    assert.strictEqual(code, 1)
    assert.deepStrictEqual(broken, [
      "black-hole/unknown",
      "black-hole/books",
      "black-hole/after",
      "black-hole/payments"
    ])
  })

  it.each(["SIGTERM", "SIGKILL"] as const)("%s leaves no node behind", async (signal) => {
    const demo = startDemo(short)
    const nodes = await serversOf(demo)
    await demo.saw(/slow: .* node C: answers/)
    process.kill(signal === "SIGKILL" ? demo.pid : -demo.pid, signal)
    assert.strictEqual(await demo.ended, signal === "SIGKILL" ? "SIGKILL" : 130, demo.lines.join("\n"))
    await gone(nodes)
  })
})
