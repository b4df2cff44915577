/** Starts a process that stops and waits to be killed, and says so. Whoever kills this one leaves that one alone. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"

const [role] = process.argv.slice(2)

if (role === "stopped") {
  const { tell, waitForDeath } = await import("../../src/register/writer/lines.ts")
  tell({ tag: "stopped", point: "with a key" })
  waitForDeath()
} else {
  spawn(process.execPath, [fileURLToPath(import.meta.url), "stopped"], { stdio: "inherit" })
}
