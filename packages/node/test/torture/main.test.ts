import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync, readdirSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { onTestFinished, vi } from "vitest"

const main = fileURLToPath(new URL("./main.ts", import.meta.url))

/** Processes are started, on a machine that may be very busy: only what hangs takes this long. */
const timeout = 120_000

const temporary = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "torture-"))
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const torture = (directory: string, ...args: ReadonlyArray<string>) => {
  const child = spawn(process.execPath, [main, "file", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, TMPDIR: directory }
  })
  onTestFinished(() => {
    child.kill("SIGKILL")
  })
  const output: Array<string> = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => output.push(text))
  }
  const ended = once(child, "close").then(([code]) => ({ code, output: output.join("") }))
  return { child, ended }
}

describe("the command of the torture", { timeout }, () => {
  it.each([
    ["--rounds", "0"],
    ["--survivors", "0"],
    ["--limit", "0"],
    ["--flips", "-3"],
    ["--block", "-1"]
  ])("refuses %s %s, and does nothing", async (flag, value) => {
    const directory = await temporary()
    const { code, output } = await torture(directory, `${flag}=${value}`).ended
    assert.strictEqual(code, 1)
    assert.include(output, flag)
    assert.match(output, new RegExp(`from [01] on, got ${value}`))
    assert.deepStrictEqual(readdirSync(directory), [])
  })

  it("says before it begins that its figures cannot be written", async () => {
    const directory = await temporary()
    const json = join(directory, "no", "result.json")
    const { code, output } = await torture(directory, "--rounds=1", "--flips=0", "--block=0", "--json", json)
      .ended
    assert.strictEqual(code, 1)
    assert.match(output, /cannot write \S+result\.json: NotFound/)
    assert.notInclude(output, "killed")
    assert.notInclude(output, "    at ")
    assert.deepStrictEqual(readdirSync(directory), [])
  })

  it.each(["SIGTERM", "SIGHUP"] as const)("%s ends it with 130, and it leaves nothing", async (signal) => {
    const directory = await temporary()
    const json = join(directory, "result.json")
    const { child, ended } = torture(directory, "--json", json)
    await vi.waitFor(
      () => assert.isNotEmpty(readdirSync(directory).filter((file) => file !== "result.json")),
      {
        timeout: timeout / 2,
        interval: 20
      }
    )
    assert.isFalse(existsSync(json))
    child.kill(signal)
    const { code, output } = await ended
    assert.strictEqual(code, 130, output)
    assert.deepStrictEqual(readdirSync(directory), [])
  })
})
