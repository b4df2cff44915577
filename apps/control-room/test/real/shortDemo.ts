/** The demo with a scenario that takes a moment on any machine: the same code, less of it. */
import { pushAgain } from "../../src/broadcast/scenarios/pushAgain.ts"
import { broadcast } from "../../src/broadcast/system.ts"
import { runMain } from "../../src/runMain.ts"

runMain([broadcast([pushAgain])])
