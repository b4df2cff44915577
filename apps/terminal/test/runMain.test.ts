import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"

const endless = fileURLToPath(new URL("./endless.ts", import.meta.url))

describe("runMain", () => {
  it("a command ends with 130 when whoever was reading has gone", { timeout: 120_000 }, async () => {
    const child = spawn(process.execPath, [endless], {
      stdio: ["ignore", "pipe", "inherit"],
      timeout: 60_000
    })
    await once(child.stdout, "data")
    child.stdout.destroy()
    assert.deepStrictEqual(await once(child, "exit"), [130, null])
  })

  it.each(["SIGINT", "SIGTERM", "SIGHUP"] as const)(
    "a command ends with 130 on %s",
    { timeout: 120_000 },
    async (signal) => {
      const child = spawn(process.execPath, [endless], {
        stdio: ["ignore", "pipe", "inherit"],
        timeout: 60_000
      })
      await once(child.stdout.resume(), "data")
      child.kill(signal)
      assert.deepStrictEqual(await once(child, "exit"), [130, null])
    }
  )
})
