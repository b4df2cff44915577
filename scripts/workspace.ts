import { spawnSync } from "node:child_process"
import { globSync } from "node:fs"
import { dirname } from "node:path"

/** The folders of what is published, in a fixed order. */
export const packages = globSync("packages/*/package.json").map(dirname).sort()

/** Every folder with a tsconfig.json of its own. */
export const projects = globSync([
  "packages/*/tsconfig.json",
  "apps/*/tsconfig.json",
  "scripts/tsconfig.json"
])
  .map(dirname)
  .sort()

/** Runs a command, and ends this script with the command's exit code when it fails. */
export const run = (command: string, args: ReadonlyArray<string>, env: Record<string, string> = {}): void => {
  const { error, status } = spawnSync(command, args, { stdio: "inherit", env: { ...process.env, ...env } })
  if (error !== undefined) throw error
  if (status !== 0) {
    console.error(`failed: ${command} ${args.join(" ")}`)
    process.exit(status ?? 1)
  }
}
