/** Every simulation suite of this package, briefly. `pnpm run sim run` runs them for long. */
import { globSync } from "node:fs"
import { join } from "node:path"
import type { Suite } from "@holdfast/sim"
import { it } from "@holdfast/sim/vitest"

const folder = join(import.meta.dirname, "../sim")

for (const file of globSync("*.sim.ts", { cwd: folder }).sort()) {
  const { suites }: { readonly suites: ReadonlyArray<Suite.Suite> } = await import(join(folder, file))
  for (const suite of suites) it.sim(`${suite.guarantees.join(" ")} ${suite.name}`, suite, { runs: 200 })
}
