import { spawn } from "node:child_process"
import { once } from "node:events"
import { existsSync } from "node:fs"
import { mkdtemp, readFile, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { onTestFinished } from "vitest"
import { start } from "../../src/register/Process.ts"
import type { Plan } from "../../src/register/writer/Wire.ts"
import { type Demo, startDemo, timeout } from "./demoProcess.ts"

const shortRegister = fileURLToPath(new URL("./shortRegister.ts", import.meta.url))
const forgetfulRegister = fileURLToPath(new URL("./forgetfulRegister.ts", import.meta.url))
const endlessRegister = fileURLToPath(new URL("./endlessRegister.ts", import.meta.url))
const teller = fileURLToPath(new URL("./teller.ts", import.meta.url))
const orphan = fileURLToPath(new URL("./orphan.ts", import.meta.url))

/** Where the registers of a demo are; a demo that is killed cannot clean up after itself. */
const directoryOf = async (demo: Demo): Promise<string> => {
  const directory = (await demo.saw(/registers are in (\S+)/))[1] ?? ""
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

interface Row {
  readonly id: string
  readonly text: string
  readonly ok: boolean | null
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
      rows.filter(({ ok }) => ok === false),
      []
    )
    assert.isTrue(rows.every(({ text }) => !text.startsWith("…")))
    const ids = rows.map(({ id }) => id)
    for (const id of [
      "contest/sqlite/own",
      "contest/file/cleared",
      "sqlite/lost",
      "sqlite/again",
      "file/files",
      "file/owners",
      "file/takeover",
      "register/directory",
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
    const broken = (await rowsOf(json)).filter(({ ok }) => ok === false).map(({ id }) => id)
    assert.deepStrictEqual(broken, ["sqlite/lost"])
  })

  // Writers have the standard error of their demo: it closes with the last of them.
  it.each(["SIGTERM", "SIGHUP"] as const)("%s ends it with 130, and its writers with it", async (signal) => {
    const demo = startDemo(endlessRegister, "--writers", "3")
    const directory = await directoryOf(demo)
    await demo.saw(/files: 3 writers.* killed at random/)
    // As a terminal does it, with SIGHUP to all when it is closed.
    process.kill(-demo.pid, signal)
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

  it("a writer that has something to tell, and nobody to tell it to, ends without a word", async () => {
    const child = spawn(process.execPath, [teller], { stdio: ["pipe", "pipe", "pipe"] })
    onTestFinished(() => {
      child.kill("SIGKILL")
    })
    const words: Array<string> = []
    child.stderr.setEncoding("utf8").on("data", (text: string) => words.push(text))
    child.stdout.destroy()
    await once(child.stdout, "close")
    child.stdin.write("now\n")
    assert.deepStrictEqual(await once(child, "close"), [0, null])
    assert.deepStrictEqual(words, [])
  })

  it.effect("who shall be killed and has ended before is said to have done so", () =>
    Effect.gen(function* () {
      const plan: Plan = { store: "file", directory: "nowhere", name: "writer 1", job: "work" }
      const process = yield* start({ entryPoint: teller, plan, cache: yield* Effect.promise(temporary) })
      yield* process.tell({ tag: "go" })
      yield* process.ended
      const error = yield* Effect.flip(process.kill)
      assert.strictEqual(error.message, "writer 1: ended before it was told to")
      assert.isUndefined(process.killedMillis())
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer))
  )

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
