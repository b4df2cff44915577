import { it } from "@holdfast/sim/vitest"
import { suites as disk } from "../sim/Disk.sim.ts"
import { suites as host } from "../sim/Host.sim.ts"
import { suites as network } from "../sim/Network.sim.ts"

for (const suite of [...host, ...disk, ...network])
  it.sim(`${suite.guarantees.join(" ")} ${suite.name}`, suite, { runs: 50 })
