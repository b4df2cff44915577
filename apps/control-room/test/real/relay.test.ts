import { mkdtemp, readFile, rm } from "node:fs/promises"
import { connect } from "node:net"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { onTestFinished, vi } from "vitest"
import { type Demo, startDemo, timeout } from "./demoProcess.ts"

const shortRelay = fileURLToPath(new URL("./shortRelay.ts", import.meta.url))
const brokenRelay = fileURLToPath(new URL("./brokenRelay.ts", import.meta.url))

/** Where the nodes of a demo listen; a demo that is killed cannot clean up after itself. */
const nodesOf = async (demo: Demo): Promise<string> => {
  const directory = (await demo.saw(/nodes listen in (\S+)/))[1] ?? ""
  onTestFinished(() => rm(directory, { recursive: true, force: true }))
  return directory
}

const listens = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path)
    socket.once("connect", () => {
      socket.destroy()
      resolve(true)
    })
    socket.once("error", () => resolve(false))
  })

/** Waits until nobody listens there any more, not even a process that is stopped. */
const gone = (path: string): Promise<void> =>
  vi.waitFor(
    async () => {
      if (await listens(path)) throw new Error(`somebody still listens at ${path}`)
    },
    { timeout: timeout / 2, interval: 20 }
  )

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

describe("the relay on real sockets and processes", { timeout }, () => {
  it("keeps what it promises, and says so as JSON", async () => {
    const json = join(await temporary(), "result.json")
    const demo = startDemo(shortRelay, "--json", json)
    assert.strictEqual(await demo.ended, 0, demo.lines.join("\n"))
    const rows = await rowsOf(json)
    assert.deepStrictEqual(
      rows.filter(({ ok }) => !ok),
      []
    )
    const ids = rows.map(({ id }) => id)
    for (const id of [
      "kill/sockets",
      "stop/noticed",
      "absent/logged",
      "shutdown/order",
      "churn/fresh",
      "relay/left-open"
    ])
      assert.include(ids, id)
  })

  it("a provider that lets its pools down breaks the promise of their sockets, and the exit code is 1", async () => {
    const json = join(await temporary(), "result.json")
    const demo = startDemo(brokenRelay, "--json", json)
    assert.strictEqual(await demo.ended, 1, demo.lines.join("\n"))
    const broken = (await rowsOf(json)).filter(({ ok }) => !ok).map(({ id }) => id)
    assert.deepStrictEqual(broken, ["kill/sockets"])
  })

  it("SIGTERM ends it with 130, and its nodes with it", async () => {
    const demo = startDemo(shortRelay)
    const nodes = await nodesOf(demo)
    await demo.saw(/kill.*pool 2: template/)
    process.kill(-demo.pid, "SIGTERM")
    assert.strictEqual(await demo.ended, 130, demo.lines.join("\n"))
    await gone(join(nodes, "kill.sock"))
  })

  it("SIGKILL leaves no node behind, not even one that is stopped", async () => {
    const demo = startDemo(shortRelay)
    const nodes = await nodesOf(demo)
    await demo.saw(/stop: SIGSTOP, and .* node: stopped/)
    process.kill(demo.pid, "SIGKILL")
    assert.strictEqual(await demo.ended, "SIGKILL")
    for (const name of ["stop.sock", "stop.sock.2", "kill.sock"]) await gone(join(nodes, name))
  })
})
