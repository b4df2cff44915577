#!/usr/bin/env node
/**
 * The command line `holdfast-state`: looks into a store, and repairs what cannot be read.
 *
 * @since 0.1.0
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { Effect } from "effect"
import { Command } from "effect/cli"
import { state } from "./internal/cli/state.ts"

Command.run(state, { version: "0.0.0" }).pipe(Effect.provide(NodeServices.layer), NodeRuntime.runMain)
