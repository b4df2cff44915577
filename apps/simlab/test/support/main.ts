/** The command line over the suites of a fixture, which is the first argument: the same code, other suites. */
import { runMain } from "@holdfast/terminal/runMain"
import { Duration } from "effect"
import { Command } from "effect/cli"
import { simlab } from "../../src/cli.ts"
import { Workers } from "../../src/workers.ts"

const [pattern = ""] = process.argv.splice(2, 1)

const settings = { pattern, patience: Duration.minutes(5), heapMegabytes: 512 }
runMain(Command.provide(simlab, Workers.layer(settings)))
