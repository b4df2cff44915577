/** Runs the command line as this process: Ctrl-C and SIGTERM end it in order, and its exit code is the result. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { controlRoom } from "./cli.ts"
import type { System } from "./System.ts"

export const runMain = (systems: ReadonlyArray<System>): void => {
  // Whoever was reading has gone, as in `… | head`: that is a wish to stop, not a crash.
  process.stdout.on("error", () => process.emit("SIGTERM"))
  controlRoom(systems).pipe(
    Command.run({ version: "0.0.0" }),
    Effect.provide(NodeServices.layer),
    NodeRuntime.runMain
  )
}
