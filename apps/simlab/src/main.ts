#!/usr/bin/env node
import { runMain } from "@holdfast/terminal/runMain"
import { Duration } from "effect"
import { Command } from "effect/cli"
import { simlab } from "./cli.ts"
import { workspaceSuites } from "./suites.ts"
import { Workers } from "./workers.ts"

const settings = { pattern: workspaceSuites, patience: Duration.minutes(5), heapMegabytes: 2048 }
runMain(Command.provide(simlab, Workers.layer(settings)))
