import { once } from "node:events"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { isGone, mainFile, serversOf, startDemo } from "./demoProcess.ts"

const shortDemo = fileURLToPath(new URL("./shortDemo.ts", import.meta.url))
const brokenDemo = fileURLToPath(new URL("./brokenDemo.ts", import.meta.url))

/** Generous: these start processes on a machine that may be busy. */
const timeout = 60_000

describe("the process of the demo", () => {
  it("writes what was measured, and ends with 0 when everything held", { timeout }, async () => {
    const directory = await mkdtemp(join(tmpdir(), "control-room-"))
    const file = join(directory, "result.json")
    const demo = startDemo(shortDemo, "--json", file)
    const { pid } = await serversOf(demo)
    const code = await demo.ended
    const { systems } = JSON.parse(await readFile(file, "utf8"))
    await rm(directory, { recursive: true })
    assert.strictEqual(code, 0, demo.lines.join("\n"))
    assert.strictEqual(systems[0].name, "broadcast")
    assert.isTrue(systems[0].ok)
    assert.deepStrictEqual(
      systems[0].promises.map(({ id, ok }: { readonly id: string; readonly ok: boolean }) => [id, ok]),
      [
        ["push-again/once", true],
        ["push-again/missing", true],
        ["stubborn/deadline", true],
        ["stubborn/abandoned", true],
        ["stubborn/report", true],
        ["broadcast/left-open", true],
        ["broadcast/connecting", true],
        ["broadcast/process", true],
        ["broadcast/total", true]
      ]
    )
    assert.isTrue(await isGone(pid))
  })

  it("a scenario that breaks down is a promise that is not kept, and the exit code is 1", {
    timeout
  }, async () => {
    const demo = startDemo(brokenDemo)
    assert.strictEqual(await demo.ended, 1)
    const output = demo.lines.join("\n")
    assert.match(output, /✗ The scenario "breaking" runs .*it broke/)
    assert.match(output, /✓ A push that failed is not repeated by itself/)
  })

  it.each(["SIGINT", "SIGTERM"] as const)(
    "%s ends it with 130, and its servers with it",
    { timeout },
    async (signal) => {
      const demo = startDemo(mainFile)
      const { pid } = await serversOf(demo)
      await demo.saw(/every kind of server .* pushed/)
      // As a terminal does it: to the whole group.
      process.kill(-demo.pid, signal)
      assert.strictEqual(await demo.ended, 130, demo.lines.join("\n"))
      assert.isTrue(await isGone(pid))
    }
  )

  it("SIGKILL leaves no servers behind", { timeout }, async () => {
    const demo = startDemo(mainFile)
    const { connection, pid } = await serversOf(demo)
    await demo.saw(/every kind of server .* pushed/)
    const closed = once(connection, "close")
    demo.process.kill("SIGKILL")
    assert.strictEqual(await demo.ended, "SIGKILL")
    await closed
    assert.isTrue(await isGone(pid))
  })
})
