/** A process that is there when it has a plan, and ends as soon as it is told something: without one, it tells something first. */
import { createInterface } from "node:readline"
import { tell } from "../../src/register/writer/lines.ts"

const hasPlan = process.argv.length > 2

if (hasPlan) tell({ tag: "ready", slot: 0, fence: 1 })
createInterface({ input: process.stdin }).once("line", () => {
  if (!hasPlan) tell({ tag: "done" })
  process.exit(hasPlan ? 0 : 1)
})
