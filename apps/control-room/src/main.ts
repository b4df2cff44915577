#!/usr/bin/env node
/** What is below takes a moment to load: a signal that comes meanwhile ends it as one that comes later. */
const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const
const end = () => process.exit(130)
for (const signal of signals) process.on(signal, end)

const { runMain } = await import("@holdfast/terminal/runMain")
const { controlRoom } = await import("./cli.ts")
const { systems } = await import("./systems.ts")

for (const signal of signals) process.off(signal, end)
runMain(controlRoom(systems))
