import { defineConfig } from "vitest/config"

/** One project per package, so that a failure names the package that it is in. */
const project = (name: string, root: string) => ({
  test: { name, root, include: ["test/**/*.{test,spec}.ts"] }
})

export default defineConfig({
  test: {
    projects: [
      project("core", "packages/core"),
      project("node", "packages/node"),
      project("sim", "packages/sim"),
      project("simlab", "apps/simlab"),
      project("control-room", "apps/control-room"),
      project("terminal", "apps/terminal"),
      project("bench", "apps/bench"),
      project("scripts", "scripts")
    ],
    // `.ci/run` sums up the JSON report.
    reporters: ["default", "json"],
    outputFile: { json: "node_modules/.cache/vitest.json" }
  }
})
