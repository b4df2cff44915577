/** Emits `dist` of every package, from nothing, so that no file of a removed module is published. */
import { rmSync } from "node:fs"
import { packages, run } from "./workspace.ts"

for (const folder of packages) rmSync(`${folder}/dist`, { recursive: true, force: true })
run("tsc", ["-b", ...packages.map((folder) => `${folder}/tsconfig.build.json`)])
