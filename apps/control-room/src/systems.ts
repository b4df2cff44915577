/** The systems that exist. A new one is one more line. */
import { scenarios } from "./broadcast/scenarios/index.ts"
import { broadcast } from "./broadcast/system.ts"
import type { System } from "./System.ts"

export const systems: ReadonlyArray<System> = [broadcast(scenarios)]
