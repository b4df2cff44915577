/** The register with kills that do not end before it is ended itself. */
import { runMain } from "@holdfast/terminal/runMain"
import { controlRoom } from "../../src/cli.ts"
import { kills } from "../../src/register/scenarios/kills.ts"
import { register } from "../../src/register/system.ts"

const deaths = Array.from({ length: 1000 }, () => "at random" as const)

runMain(controlRoom([register([kills("file", deaths)])]))
