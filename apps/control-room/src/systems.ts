/** The systems that exist. A new one is one more line. */
import { scenarios as broadcastScenarios } from "./broadcast/scenarios/index.ts"
import { broadcast } from "./broadcast/system.ts"
import { scenarios as gatewayScenarios } from "./gateway/scenarios/index.ts"
import { gateway } from "./gateway/system.ts"
import { scenarios as registerScenarios } from "./register/scenarios/index.ts"
import { register } from "./register/system.ts"
import { scenarios as relayScenarios } from "./relay/scenarios/index.ts"
import { relay } from "./relay/system.ts"
import type { System } from "./System.ts"

export const systems: ReadonlyArray<System> = [
  broadcast(broadcastScenarios),
  relay(relayScenarios),
  gateway(gatewayScenarios),
  register(registerScenarios)
]
