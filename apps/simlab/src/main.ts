#!/usr/bin/env node
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { WorkersLive } from "./campaign.ts"
import { simlab } from "./cli.ts"
import { findSuites } from "./suites.ts"

// Whoever was reading has gone, as in `… | head`: that is a wish to stop, not a crash.
process.stdout.on("error", () => process.emit("SIGTERM"))

Effect.promise(findSuites).pipe(
  Effect.flatMap((suites) => Command.run(simlab(suites), { version: "0.0.0" })),
  Effect.provide([NodeServices.layer, WorkersLive]),
  NodeRuntime.runMain
)
