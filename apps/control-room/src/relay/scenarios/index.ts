/** All that the system shows, in the order of the result. A new scenario is one more line. */
import type { Scenario } from "../Scenario.ts"
import { absent } from "./absent.ts"
import { churn } from "./churn.ts"
import { download } from "./download.ts"
import { emptyPolls } from "./emptyPolls.ts"
import { exit } from "./exit.ts"
import { flap } from "./flap.ts"
import { join } from "./join.ts"
import { kill } from "./kill.ts"
import { shutdown } from "./shutdown.ts"
import { stop } from "./stop.ts"

export const scenarios: ReadonlyArray<Scenario> = [
  kill,
  join,
  stop,
  flap,
  absent,
  download,
  emptyPolls,
  exit,
  shutdown,
  churn(20)
]
