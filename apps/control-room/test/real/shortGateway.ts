/** The gateway without the scenario that takes its time: the same code, less of it. */
import { runMain } from "@holdfast/terminal/runMain"
import { controlRoom } from "../../src/cli.ts"
import { blackHole } from "../../src/gateway/scenarios/blackHole.ts"
import { dead } from "../../src/gateway/scenarios/dead.ts"
import { slow } from "../../src/gateway/scenarios/slow.ts"
import { gateway } from "../../src/gateway/system.ts"

runMain(controlRoom([gateway([slow, blackHole, dead])]))
