/** The demo with a scenario that breaks down, beside one that does not. */
import { Effect } from "effect"
import type { Scenario } from "../../src/broadcast/Scenario.ts"
import { pushAgain } from "../../src/broadcast/scenarios/pushAgain.ts"
import { broadcast } from "../../src/broadcast/system.ts"
import { runMain } from "../../src/runMain.ts"

const breaking: Scenario = {
  id: "breaking",
  pace: "quick",
  servers: [],
  run: () => Effect.die(new Error("it broke"))
}

runMain([broadcast([breaking, pushAgain])])
