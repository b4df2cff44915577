/** The demo with a scenario that breaks down, beside one that does not. */
import { runMain } from "@holdfast/terminal/runMain"
import { Effect } from "effect"
import type { Scenario } from "../../src/broadcast/Scenario.ts"
import { pushAgain } from "../../src/broadcast/scenarios/pushAgain.ts"
import { broadcast } from "../../src/broadcast/system.ts"
import { controlRoom } from "../../src/cli.ts"

const breaking: Scenario = {
  id: "breaking",
  pace: "quick",
  servers: [],
  run: () => Effect.die(new Error("it broke"))
}

runMain(controlRoom([broadcast([breaking, pushAgain])]))
