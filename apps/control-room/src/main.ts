#!/usr/bin/env node
import { runMain } from "@holdfast/terminal/runMain"
import { controlRoom } from "./cli.ts"
import { systems } from "./systems.ts"

runMain(controlRoom(systems))
