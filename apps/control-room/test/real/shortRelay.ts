/** The relay with fewer scenarios, and fewer kills: the same code, less of it. */
import { runMain } from "@holdfast/terminal/runMain"
import { controlRoom } from "../../src/cli.ts"
import { absent } from "../../src/relay/scenarios/absent.ts"
import { churn } from "../../src/relay/scenarios/churn.ts"
import { kill } from "../../src/relay/scenarios/kill.ts"
import { shutdown } from "../../src/relay/scenarios/shutdown.ts"
import { stop } from "../../src/relay/scenarios/stop.ts"
import { relay } from "../../src/relay/system.ts"

runMain(controlRoom([relay([kill, stop, absent, shutdown, churn(3)])]))
