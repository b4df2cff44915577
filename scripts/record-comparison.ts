/** Runs `sim compare`, and puts what it shows into docs/failover-comparison.md. */
import { spawnSync } from "node:child_process"
import { readFileSync, writeFileSync } from "node:fs"

const page = "docs/failover-comparison.md"
const { status, stdout } = spawnSync(process.execPath, ["apps/simlab/src/main.ts", "compare"], {
  encoding: "utf8",
  stdio: ["ignore", "pipe", "inherit"]
})
if (status !== 0) process.exit(status ?? 1)
const recorded = /(?<=```text\n).*?(?=```)/s
writeFileSync(
  page,
  readFileSync(page, "utf8").replace(recorded, () => `${stdout.trimEnd()}\n`)
)
