#!/usr/bin/env node
import { runMain } from "./runMain.ts"
import { systems } from "./systems.ts"

runMain(systems)
