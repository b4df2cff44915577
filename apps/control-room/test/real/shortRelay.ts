/** The relay with fewer scenarios, and fewer kills: the same code, less of it. */
import { runMain } from "@holdfast/terminal/runMain"
import { controlRoom } from "../../src/cli.ts"
import { churn } from "../../src/relay/scenarios/churn.ts"
import { kill } from "../../src/relay/scenarios/kill.ts"
import { shutdown } from "../../src/relay/scenarios/shutdown.ts"
import { stop } from "../../src/relay/scenarios/stop.ts"
import { relay } from "../../src/relay/system.ts"

runMain(controlRoom([relay([kill, stop, shutdown, churn(3)])]))
