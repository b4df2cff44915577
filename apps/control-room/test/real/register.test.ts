import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { onTestFinished } from "vitest"
import { type Demo, startDemo, timeout } from "./demoProcess.ts"

const shortRegister = fileURLToPath(new URL("./shortRegister.ts", import.meta.url))
const forgetfulRegister = fileURLToPath(new URL("./forgetfulRegister.ts", import.meta.url))
const endlessRegister = fileURLToPath(new URL("./endlessRegister.ts", import.meta.url))
const orphan = fileURLToPath(new URL("./orphan.ts", import.meta.url))

/** Where the registers of a demo are; a demo that is killed cannot clean up after itself. */
const directoryOf = async (demo: Demo): Promise<string> => {
  const directory = (await demo.saw(/registers are in (\S+)/))[1] ?? ""
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

interface Row {
  readonly id: string
  readonly ok: boolean
}

const rowsOf = async (json: string): Promise<ReadonlyArray<Row>> =>
  JSON.parse(await readFile(json, "utf8")).systems[0].promises

const temporary = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "control-room-"))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

describe("the register with real processes on a real disk", { timeout }, () => {
  it("keeps what it promises, says so as JSON, and leaves nothing", async () => {
    const json = join(await temporary(), "result.json")
    const demo = startDemo(shortRegister, "--writers", "3", "--json", json)
    const directory = await directoryOf(demo)
    assert.strictEqual(await demo.ended, 0, demo.lines.join("\n"))
    const rows = await rowsOf(json)
    assert.deepStrictEqual(
      rows.filter(({ ok }) => !ok),
      []
    )
    const ids = rows.map(({ id }) => id)
    for (const id of [
      "contest/sqlite",
      "contest/file",
      "sqlite/writes",
      "file/takeover",
      "register/left-open"
    ])
      assert.include(ids, id)
    assert.isFalse(existsSync(directory))
    assert.match(demo.lines.join("\n"), /SQLite, 3 writers, 3 kills/)
  })

  it("a store that forgets a write breaks the promise of the writes, and the exit code is 1", async () => {
    const json = join(await temporary(), "result.json")
    const demo = startDemo(forgetfulRegister, "--writers", "2", "--json", json)
    assert.strictEqual(await demo.ended, 1, demo.lines.join("\n"))
    const broken = (await rowsOf(json)).filter(({ ok }) => !ok).map(({ id }) => id)
    assert.deepStrictEqual(broken, ["sqlite/writes"])
  })

  // Writers have the standard error of their demo: it closes with the last of them.
  it("SIGTERM ends it with 130, and its writers with it", async () => {
    const demo = startDemo(endlessRegister, "--writers", "3")
    const directory = await directoryOf(demo)
    await demo.saw(/files: 3 writers.* killed at random/)
    process.kill(-demo.pid, "SIGTERM")
    assert.strictEqual(await demo.ended, 130, demo.lines.join("\n"))
    assert.isFalse(existsSync(directory))
  })

  it("SIGKILL leaves no writer behind", async () => {
    const demo = startDemo(endlessRegister, "--writers", "3")
    await directoryOf(demo)
    await demo.saw(/files: 3 writers.* killed at random/)
    process.kill(demo.pid, "SIGKILL")
    assert.strictEqual(await demo.ended, "SIGKILL")
  })

  it.each(["to be told something", "to be killed"])("not even one that waits %s", async (how) => {
    const parent = spawn(process.execPath, [orphan, how], { stdio: ["ignore", "pipe", "ignore"] })
    onTestFinished(() => {
      parent.kill("SIGKILL")
    })
    const lines = createInterface({ input: parent.stdout })
    await once(lines, "line")
    // Both have it as their standard output.
    const closed = once(lines, "close")
    parent.kill("SIGKILL")
    await closed
  })
})
