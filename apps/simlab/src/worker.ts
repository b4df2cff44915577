/** A thread that runs suites. Their code runs here and nowhere else, so that whatever it does, the main thread goes on. */
import { parentPort, workerData } from "node:worker_threads"
import * as Report from "@holdfast/sim/Report"
import * as Suite from "@holdfast/sim/Suite"
import { Board } from "./board.ts"
import { hashOf } from "./hash.ts"
import type { Answers, FromWorker, Part, Request, Start } from "./protocol.ts"
import { findSuites } from "./suites.ts"
import { printed } from "./texts.ts"

const progressMillis = 100

/** What fails in a slow suite is made small for so long. Much less than a worker may be silent for. */
const longestMillis = 120_000

const { cells, index, pattern }: Start = workerData
const board = new Board(cells)

const say = (message: FromWorker<Answers[keyof Answers]>): void => parentPort?.postMessage(message)

let loading: Promise<ReadonlyArray<Suite.Suite>> | undefined

const load = (): Promise<ReadonlyArray<Suite.Suite>> => {
  loading ??= findSuites(pattern)
  return loading
}

const find = async (name: string): Promise<Suite.Suite> => {
  const suites = await load()
  const suite = suites.find((one) => one.name === name)
  if (suite !== undefined) return suite
  const known = suites.map((one) => `\n  ${one.name}`).join("")
  throw new Error(`there is no suite "${name}" any more. It may have another name now:${known}`)
}

/** Makes one run. Calls back when it fails, before it is made small. */
const makeRun = (
  suite: Suite.Suite,
  seed: number,
  run: number,
  onFailure: (report: Report.Report) => void
): Report.Report => {
  let endMillis = Infinity
  const isExpired = () => board.isExpired || Date.now() >= endMillis
  try {
    const campaign = suite.campaign({ seed, runs: run + 1, from: run, isExpired })
    campaign.advance()
    while (!campaign.isDone) {
      onFailure(campaign.report())
      endMillis = Date.now() + longestMillis
      campaign.advance()
    }
    return campaign.report()
  } catch (cause) {
    throw new Error(
      `the suite "${suite.name}" itself broke in run ${run} of seed ${seed}: ${printed(cause)}`,
      { cause }
    )
  }
}

/** Makes runs until there are no more, or any worker's has failed. */
const campaign = (
  suite: Suite.Suite,
  { seed, shard }: Extract<Request, { readonly _tag: "Campaign" }>
): Part => {
  let part: Part = { report: Report.empty(suite.name, suite.guarantees), hash: 0 }
  const after = (run: number, report: Report.Report): Part => ({
    report: Report.add(part.report, report),
    hash: (part.hash + hashOf(run, report)) >>> 0
  })
  let due = Date.now() + progressMillis
  for (;;) {
    const run = shard.index + shard.count * board.deal()
    if (run >= board.end) return part
    board.note(index, run)
    const report = makeRun(suite, seed, run, (found) => {
      board.stop()
      say({ _tag: "Progress", part: after(run, found) })
    })
    part = after(run, report)
    if (Date.now() >= due) {
      due = Date.now() + progressMillis
      say({ _tag: "Progress", part })
    }
  }
}

const answer = async (request: Request): Promise<Answers[keyof Answers]> => {
  switch (request._tag) {
    case "List":
      return (await load()).map(({ guarantees, name }) => ({ name, guarantees }))
    case "Campaign":
      return campaign(await find(request.suite), request)
    case "Replay":
      return (await find(Suite.nameOf(request.token))).replay(request.token)
    case "Planted": {
      const { look } = await import("./look.ts")
      return look(request.bug)
    }
  }
}

parentPort?.on("message", (request: Request) => {
  answer(request).then(
    (answer) => say({ _tag: "Answer", answer }),
    (cause: unknown) =>
      say({ _tag: "Refused", problem: cause instanceof Error ? cause.message : printed(cause) })
  )
})
