/** The demo with a scenario that takes a moment on any machine: the same code, less of it. */
import { runMain } from "@holdfast/terminal/runMain"
import { pushAgain } from "../../src/broadcast/scenarios/pushAgain.ts"
import { broadcast } from "../../src/broadcast/system.ts"
import { controlRoom } from "../../src/cli.ts"

runMain(controlRoom([broadcast([pushAgain])]))
