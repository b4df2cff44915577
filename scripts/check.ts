/** Type-checks every project, looks for misused effects, and runs the type tests. */
import { spawnSync } from "node:child_process"
import { globSync, readFileSync } from "node:fs"
import { projects, run } from "./workspace.ts"

/** `effect-tsgo` ends well when it has checked no file at all, so its count is read too. */
const diagnose = (tsconfig: string): void => {
  const { status, stdout } = spawnSync(
    "effect-tsgo",
    ["diagnostics", "--strict", "--severity", "error,warning", "--format", "text", "--project", tsconfig],
    { encoding: "utf8", stdio: ["inherit", "pipe", "inherit"] }
  )
  const checked = /Checked (\d+) files/.exec(stdout)?.[1]
  if (status === 0 && checked !== undefined && checked !== "0") return
  console.error(`${stdout}failed: effect-tsgo diagnostics on ${tsconfig} (${checked ?? "no"} files checked)`)
  process.exit(1)
}

for (const project of projects) {
  console.log(`check ${project}`)
  run("tsc", ["-p", project])
  diagnose(`${project}/tsconfig.json`)
}

const typeTests = globSync("packages/*/typetest/**/*.tst.ts")
// tstyche ends well when tests are skipped.
const skipping = typeTests.filter((file) =>
  /\b(test|it|describe|expect)\.(skip|only|todo)\b/.test(readFileSync(file, "utf8"))
)
for (const file of skipping) console.error(`${file}: a type test is skipped`)
if (skipping.length > 0) process.exit(1)

if (typeTests.length > 0) {
  // tstyche needs a compiler with a JavaScript API, which TypeScript 7 does not have.
  run("tstyche", [], { TSTYCHE_TYPESCRIPT_MODULE: "typescript-6" })
}
