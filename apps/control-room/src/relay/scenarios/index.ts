/** All that the system shows, in the order of the result. A new scenario is one more line. */
import type { Scenario } from "../Scenario.ts"
import { kill } from "./kill.ts"

export const scenarios: ReadonlyArray<Scenario> = [kill]
