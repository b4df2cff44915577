/** The process that measures: one group, one trial, or one memory case. It writes what it finds as lines of JSON. */
import { type Effort, type MemoryCase, timesOf } from "./Bench.ts"
import { benches } from "./benches/index.ts"
import { measure } from "./harness.ts"

/** What the process is to do, as its one argument. */
export interface Task {
  readonly bench: string
  /** A group, a trial or a memory case. */
  readonly name: string
  readonly effort: Effort
}

const bytesPerMebibyte = 2 ** 20
const kibibytesPerMebibyte = 2 ** 10

/** Needs `--expose-gc`. Twice, because what has a finalizer goes the second time. */
const heapMiB = (): number => {
  globalThis.gc?.()
  globalThis.gc?.()
  return process.memoryUsage().heapUsed / bytesPerMebibyte
}

const measureMemory: Record<MemoryCase["measure"], (memory: MemoryCase, size: number) => Promise<number>> = {
  peak: async ({ run }, size) => {
    await run(size)
    return process.resourceUsage().maxRSS / kibibytesPerMebibyte
  },
  growth: async ({ run }, size) => {
    await run(size / 10)
    const before = heapMiB()
    await run(size)
    return heapMiB() - before
  }
}

const run = async ({ bench, effort, name }: Task): Promise<void> => {
  const found = benches.find((candidate) => candidate.name === bench)
  const group = found?.groups.find((candidate) => candidate.name === name)
  if (group !== undefined) return measure(group, effort, (round) => console.log(JSON.stringify(round)))
  const trial = found?.trials?.find((candidate) => candidate.name === name)
  if (trial !== undefined) {
    const times = timesOf(trial, effort)
    for (let made = 0; made < times; made++) console.log(JSON.stringify(await trial.run(effort)))
    return
  }
  const memory = found?.memory.find((candidate) => candidate.name === name)
  if (memory === undefined) throw new Error(`there is no "${name}" in "${bench}"`)
  console.log(JSON.stringify([await measureMemory[memory.measure](memory, effort.size)]))
}

if (import.meta.main) {
  const task: Task = JSON.parse(process.argv[2] ?? "{}")
  await run(task)
}
