/** The relay: a provider of templates, whose node comes and goes while its pools stay. */
import { Deadline } from "@holdfast/core"
import { Duration, Effect, FileSystem } from "effect"
import { describeCause } from "../cause.ts"
import { Live } from "../live/Live.ts"
import { atMost, notMeasured, type Promised } from "../Promised.ts"
import type { System } from "../System.ts"
import { noMoreDescriptors, openDescriptors, openLasting, settledDescriptors } from "./descriptors.ts"
import { runScenarios } from "./programme.ts"
import { serve as provider } from "./provider/Provider.ts"
import type { Scenario, Stage } from "./Scenario.ts"

/** Every system ends by itself in this time. */
const secondsMax = 60

/** Leaves time to let go of everything. */
const deadline = "55 seconds"

export const relay = (scenarios: ReadonlyArray<Scenario>, serve: Stage["serve"] = provider): System => ({
  name: "relay",
  summary: "a template provider keeps its pools while its node is killed, stopped and started again",
  run: runInDirectory(scenarios, serve).pipe(
    Effect.catchCause((cause) => Effect.succeed([unfinished(describeCause(cause))])),
    Effect.timed,
    Effect.map(([duration, promises]) => [...promises, inTime(Duration.toSeconds(duration))])
  )
})

const runInDirectory = (scenarios: ReadonlyArray<Scenario>, serve: Stage["serve"]) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    yield* openLasting
    const before = openDescriptors()
    const promises = yield* Effect.scoped(
      Effect.gen(function* () {
        const directory = yield* fs.makeTempDirectoryScoped({ prefix: "relay-" })
        yield* (yield* Live).say(`nodes listen in ${directory}`)
        return yield* Deadline.within(runScenarios(scenarios, { directory, serve }), deadline, {
          label: "relay"
        })
      })
    )
    return [...promises, nothingOpen(before, yield* settledDescriptors(before))]
  })

const unfinished = (reason: string): Promised =>
  notMeasured({ id: "relay/run", text: "The scenarios run until the end", reason })

const nothingOpen = (before: number | undefined, after: number | undefined): Promised =>
  noMoreDescriptors({
    id: "relay/left-open",
    text: "Nothing is left behind: file descriptors that were open before / are open now",
    before,
    after
  })

const inTime = (seconds: number): Promised =>
  atMost({
    id: "relay/total",
    text: "Everything together",
    bound: secondsMax,
    measured: seconds,
    unit: "s"
  })
