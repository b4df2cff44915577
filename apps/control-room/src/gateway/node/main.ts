/**
 * The nodes: sets of HTTP servers, each set with a ledger of its own.
 *
 * It takes its plan as its one argument, and lives until its standard input closes: whichever way the parent ends, even
 * by SIGKILL, nothing stays behind.
 */
import * as Schema from "effect/Schema"
import { openControl } from "./control.ts"
import { Ledger } from "./Ledger.ts"
import { listen } from "./LedgerNode.ts"
import { Plan, type Ready } from "./Wire.ts"

process.stdin
  .on("error", () => process.exit(0))
  .on("close", () => process.exit(0))
  .resume()

// Its parent may be gone before it is ready.
process.stdout.on("error", () => process.exit(0))

const plan = Schema.decodeUnknownSync(Schema.fromJsonString(Plan))(process.argv[2])

const sets = await Promise.all(
  plan.map(async (latencies) => {
    const ledger = new Ledger()
    return {
      ledger,
      nodes: await Promise.all(latencies.map((latencyMillis) => listen(latencyMillis, ledger)))
    }
  })
)
const ready: Ready = {
  control: await openControl(sets),
  urls: sets.map(({ nodes }) => nodes.map(({ url }) => url))
}
process.stdout.write(`${JSON.stringify(ready)}\n`)
