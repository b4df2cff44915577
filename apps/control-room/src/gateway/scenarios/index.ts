/** All that the system shows, in the order of the result. A new scenario is one more line. */
import type { Scenario } from "../Scenario.ts"
import { blackHole } from "./blackHole.ts"
import { dead } from "./dead.ts"
import { slow } from "./slow.ts"
import { turns } from "./turns.ts"

export const scenarios: ReadonlyArray<Scenario> = [slow, blackHole, turns, dead]
