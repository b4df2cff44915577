import { it } from "@holdfast/sim/vitest"
import { suites } from "../sim/Host.sim.ts"

for (const suite of suites) it.sim(`${suite.guarantees.join(" ")} ${suite.name}`, suite, { runs: 50 })
