/** The relay: a provider of templates, whose node comes and goes while its pools stay. */
import { Deadline } from "@holdfast/core"
import { Duration, Effect, Schema } from "effect"
import { describeCause } from "../cause.ts"
import { Live } from "../live/Live.ts"
import { atMost, notMeasured, type Promised } from "../Promised.ts"
import type { System } from "../System.ts"
import { inTemporaryDirectory } from "../temporary.ts"
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
    yield* openLasting
    const before = openDescriptors()
    const promises = yield* inTemporaryDirectory("relay", (directory) =>
      Effect.gen(function* () {
        yield* isShort(directory)
        yield* (yield* Live).say(`nodes listen in ${directory}`)
        return yield* Deadline.within(runScenarios(scenarios, { directory, serve }), deadline, {
          label: "relay"
        })
      })
    ).pipe(
      Effect.catchTag(
        "PlatformError",
        () => new NoDirectory({ problem: "no temporary directory can be made" })
      )
    )
    return [...promises, nothingOpen(before, yield* settledDescriptors(before))]
  })

/** Sockets have short paths: 107 bytes on Linux, 103 on macOS, of which the longest name here takes 30. */
const pathMax = 70

class NoDirectory extends Schema.TaggedError<NoDirectory>("control-room/relay/NoDirectory")("NoDirectory", {
  problem: Schema.String
}) {
  override get message(): string {
    return `${this.problem}: set TMPDIR to another directory`
  }
}

const isShort = (directory: string) =>
  Buffer.byteLength(directory) <= pathMax
    ? Effect.void
    : new NoDirectory({ problem: `${directory} is too long for sockets` })

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
