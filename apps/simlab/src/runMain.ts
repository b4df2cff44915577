/** Runs the command line as this process: Ctrl-C and SIGTERM end it in order, and its exit code is the result. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { simlab } from "./cli.ts"
import { type Settings, Workers } from "./workers.ts"

export const runMain = (settings: Settings): void => {
  // Whoever was reading has gone, as in `… | head`: that is a wish to stop, not a crash.
  process.stdout.on("error", () => process.emit("SIGTERM"))
  Command.run(simlab, { version: "0.0.0" }).pipe(
    Effect.provide([NodeServices.layer, Workers.layer(settings)]),
    NodeRuntime.runMain
  )
}
