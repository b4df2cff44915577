/** The register with fewer kills, and without the peer: the same code, less of it. */
import { runMain } from "@holdfast/terminal/runMain"
import { controlRoom } from "../../src/cli.ts"
import { contest } from "../../src/register/scenarios/contest.ts"
import { kills } from "../../src/register/scenarios/kills.ts"
import { register } from "../../src/register/system.ts"

runMain(
  controlRoom([
    register([
      contest(["sqlite", "file"]),
      kills("sqlite", ["in a decision", "with a key", "at random"]),
      kills("file", ["with a lease", "in the middle of the write", "with the lock of a slot"])
    ])
  ])
)
