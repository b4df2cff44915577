/** The command line over the suites of a fixture, which is the first argument: the same code, other suites. */
import { Duration } from "effect"
import { runMain } from "../../src/runMain.ts"

const [pattern = ""] = process.argv.splice(2, 1)

runMain({ pattern, patience: Duration.minutes(5), heapMegabytes: 512 })
