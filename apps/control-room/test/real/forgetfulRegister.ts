/** The register with writers whose store says that it has written, and now and then has not. */
import { fileURLToPath } from "node:url"
import { runMain } from "@holdfast/terminal/runMain"
import { controlRoom } from "../../src/cli.ts"
import { kills } from "../../src/register/scenarios/kills.ts"
import { register } from "../../src/register/system.ts"

const writer = fileURLToPath(new URL("./forgetfulWriter.ts", import.meta.url))

runMain(controlRoom([register([kills("sqlite", ["at random"])], writer)]))
