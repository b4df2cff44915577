/** Starts a process that waits, in the way that is its argument, and lets it say so. Whoever kills this one leaves that one alone. */
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { listen, tell, waitForDeath } from "../../src/register/writer/lines.ts"

const [how = "", isChild] = process.argv.slice(2)

if (isChild === undefined) {
  spawn(process.execPath, [fileURLToPath(import.meta.url), how, "child"], {
    stdio: ["pipe", "inherit", "inherit"]
  })
} else if (how === "to be told something") {
  listen(() => {})
  tell({ tag: "done" })
} else {
  tell({ tag: "stopped", point: "with a key" })
  waitForDeath()
}
