/** Several processes that change one value at the same time. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import type { Effort, Figure, Trial } from "../../Bench.ts"
import type { ContenderTask, Contest } from "./contender.ts"
import { makeDirectory, type Name, type OurName } from "./contenders.ts"

const count = 4
const contender = fileURLToPath(new URL("contender.ts", import.meta.url))

/** Starts one, and waits until it is ready. Then it can be told for how long it shall work. */
const start = async (task: ContenderTask) => {
  const child = spawn(process.execPath, [contender, JSON.stringify(task)], {
    stdio: ["pipe", "pipe", "inherit"]
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const line = async (): Promise<string> => {
    const { done, value } = await lines.next()
    if (done === true) throw new Error(`a process of "${task.name}" ended too early`)
    return value
  }
  await line()
  return {
    compete: async (millis: number): Promise<Contest> => {
      child.stdin.write(String(millis))
      const contest: Contest = JSON.parse(await line())
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit")
      return contest
    }
  }
}

interface Score {
  readonly perSecond: number
  readonly p99Millis: number
  /** What the slowest made, as a part of what the fastest made. */
  readonly fairness: number
}

const rate = ({ elapsedMillis, latenciesMicros }: Contest): number =>
  (latenciesMicros.length / elapsedMillis) * 1e3

const scoreOf = (contests: ReadonlyArray<Contest>): Score => {
  const latencies = contests
    .flatMap(({ latenciesMicros }) => latenciesMicros)
    .sort((one, other) => one - other)
  const rates = contests.map(rate)
  return {
    perSecond: rates.reduce((sum, each) => sum + each, 0),
    p99Millis: (latencies[Math.floor(latencies.length * 0.99)] ?? Number.NaN) / 1e3,
    fairness: Math.min(...rates) / Math.max(...rates)
  }
}

const contest = async (name: Name, millis: number): Promise<Score> => {
  const task = { name, directory: makeDirectory() }
  const contenders = await Promise.all(Array.from({ length: count }, () => start(task)))
  return scoreOf(await Promise.all(contenders.map(({ compete }) => compete(millis))))
}

const ours: ReadonlyArray<{ readonly name: OurName; readonly title: string; readonly times: number }> = [
  { name: "sqlite", title: "SqliteStateStore", times: 100 },
  { name: "file", title: "FileStateStore", times: 6 }
]

const scoreFigures = (title: string, isOurs: boolean): ReadonlyArray<Figure> => [
  { name: `${title}: changes of all`, unit: "/s" },
  { name: `${title}: 99 of 100 take at most`, unit: "ms", ...(isOurs ? { atMost: 10 } : {}) },
  { name: `${title}: slowest process, to the fastest`, unit: "×", ...(isOurs ? { atLeast: 0.5 } : {}) }
]

export const processes: Trial = {
  name: "processes",
  title: `${count} processes change one value, again and again`,
  figures: [
    ...ours.map(({ times, title }) => ({ name: `${title}, to the peer`, unit: "×", atLeast: times })),
    ...ours.flatMap(({ title }) => scoreFigures(title, true)),
    ...scoreFigures("proper-lockfile and write-file-atomic", false)
  ],
  run: async ({ trialMillis }: Effort) => {
    const scores: Array<Score> = []
    for (const { name } of ours) scores.push(await contest(name, trialMillis))
    const peer = await contest("peer", trialMillis)
    return [
      ...scores.map(({ perSecond }) => perSecond / peer.perSecond),
      ...[...scores, peer].flatMap(({ fairness, p99Millis, perSecond }) => [perSecond, p99Millis, fairness])
    ]
  }
}
