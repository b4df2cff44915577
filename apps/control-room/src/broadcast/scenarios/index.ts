/** All that the system shows, in the order of the result. A new scenario is one more line. */
import type { Scenario } from "../Scenario.ts"
import { crowd } from "./crowd.ts"
import { deadPings } from "./deadPings.ts"
import { deadPush } from "./deadPush.ts"
import { listAndPing } from "./listAndPing.ts"
import { mixedPush } from "./mixedPush.ts"
import { pushAgain } from "./pushAgain.ts"
import { quickAndDead } from "./quickAndDead.ts"
import { stubborn } from "./stubborn.ts"
import { together } from "./together.ts"
import { worstCases } from "./worstCases.ts"

export const scenarios: ReadonlyArray<Scenario> = [
  pushAgain,
  quickAndDead,
  together,
  crowd,
  listAndPing,
  mixedPush,
  deadPings,
  deadPush,
  worstCases,
  stubborn
]
