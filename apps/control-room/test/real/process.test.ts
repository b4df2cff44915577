import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { onTestFinished } from "vitest"
import { gone, serversOf, startDemo, timeout } from "./demoProcess.ts"

const wholeDemo = fileURLToPath(new URL("../../src/main.ts", import.meta.url))
const shortDemo = fileURLToPath(new URL("./shortDemo.ts", import.meta.url))
const brokenDemo = fileURLToPath(new URL("./brokenDemo.ts", import.meta.url))

/** By then a batch is under way, with calls in flight. */
const underWay = /every kind of server .* pushed/

describe("the process of the demo", { timeout }, () => {
  it("writes what was measured, and ends with 0 when everything held", async () => {
    const directory = await mkdtemp(join(tmpdir(), "control-room-"))
    onTestFinished(() => rm(directory, { recursive: true }))
    const json = join(directory, "result.json")
    const demo = startDemo(shortDemo, "--json", json)
    const servers = await serversOf(demo)
    assert.strictEqual(await demo.ended, 0, demo.lines.join("\n"))
    const { systems } = JSON.parse(await readFile(json, "utf8"))
    assert.strictEqual(systems[0].name, "broadcast")
    assert.isTrue(systems[0].ok)
    assert.deepStrictEqual(
      systems[0].promises.map(({ id, ok }: { readonly id: string; readonly ok: boolean }) => [id, ok]),
      [
        ["push-again/once", true],
        ["push-again/missing", true],
        ["broadcast/left-open", true],
        ["broadcast/connecting", true],
        ["broadcast/process", true],
        ["broadcast/total", true]
      ]
    )
    await gone(servers)
  })

  it("a scenario that breaks down is a promise that is not kept, and the exit code is 1", async () => {
    const demo = startDemo(brokenDemo)
    assert.strictEqual(await demo.ended, 1)
    const output = demo.lines.join("\n")
    assert.match(output, /✗ The scenario "breaking" runs .*it broke/)
    assert.match(output, /✓ A push that failed is not repeated by itself/)
  })

  it.each(["SIGINT", "SIGTERM"] as const)("%s ends it with 130, and its servers with it", async (signal) => {
    const demo = startDemo(wholeDemo)
    const servers = await serversOf(demo)
    await demo.saw(underWay)
    // As a terminal does it: to the whole group.
    process.kill(-demo.pid, signal)
    assert.strictEqual(await demo.ended, 130, demo.lines.join("\n"))
    await gone(servers)
  })

  it("SIGKILL leaves no servers behind", async () => {
    const demo = startDemo(wholeDemo)
    const servers = await serversOf(demo)
    await demo.saw(underWay)
    process.kill(demo.pid, "SIGKILL")
    assert.strictEqual(await demo.ended, "SIGKILL")
    await gone(servers)
  })
})
