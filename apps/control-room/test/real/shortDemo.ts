/** The demo with the scenarios that take a moment: the same code, fewer of them. */
import { pushAgain } from "../../src/broadcast/scenarios/pushAgain.ts"
import { stubborn } from "../../src/broadcast/scenarios/stubborn.ts"
import { broadcast } from "../../src/broadcast/system.ts"
import { runMain } from "../../src/runMain.ts"

runMain([broadcast([pushAgain, stubborn])])
