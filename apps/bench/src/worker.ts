/** The process that measures: one group, or one memory case. It writes what it finds as lines of JSON. */
import type { Effort } from "./Bench.ts"
import { benches } from "./benches/index.ts"
import { measure } from "./harness.ts"

/** What the process is to do, as its one argument. */
export interface Task {
  readonly bench: string
  /** A group or a memory case. */
  readonly name: string
  readonly effort: Effort
}

const kibibytesPerMebibyte = 1024

const run = async ({ bench, effort, name }: Task): Promise<void> => {
  const found = benches.find((candidate) => candidate.name === bench)
  const group = found?.groups.find((candidate) => candidate.name === name)
  if (group !== undefined) return measure(group, effort, (round) => console.log(JSON.stringify(round)))
  const memory = found?.memory.find((candidate) => candidate.name === name)
  if (memory === undefined) throw new Error(`there is no "${name}" in "${bench}"`)
  await memory.run(effort.size)
  console.log(JSON.stringify([process.resourceUsage().maxRSS / kibibytesPerMebibyte]))
}

if (import.meta.main) {
  const task: Task = JSON.parse(process.argv[2] ?? "{}")
  await run(task)
}
