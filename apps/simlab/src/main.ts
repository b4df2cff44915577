#!/usr/bin/env node
import { Duration } from "effect"
import { runMain } from "./runMain.ts"
import { workspaceSuites } from "./suites.ts"

runMain({ pattern: workspaceSuites, patience: Duration.minutes(5), heapMegabytes: 2048 })
