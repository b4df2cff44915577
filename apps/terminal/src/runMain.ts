/** Runs a command line as this process: Ctrl-C, SIGTERM and SIGHUP end it in order, and its exit code is the result. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { Command } from "effect/cli"

export const runMain = <Name extends string, Input, ContextInput, E>(
  command: Command.Command<Name, Input, ContextInput, E, NodeServices.NodeServices>
): void => {
  // Whoever was reading has gone, as in `… | head`: that is a wish to stop, not a crash.
  process.stdout.on("error", () => process.emit("SIGTERM"))
  // The terminal was closed, which is the same.
  process.on("SIGHUP", () => process.emit("SIGTERM"))
  Command.run(command, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
}
