/** The register: processes share which keys are taken, and are killed at any time. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Deadline } from "@holdfast/core"
import { Duration, Effect } from "effect"
import { describeCause } from "../cause.ts"
import { Live } from "../live/Live.ts"
import { atMost, notMeasured, type Promised } from "../Promised.ts"
import { noMoreDescriptors, openDescriptors, openLasting, settledDescriptors } from "../relay/descriptors.ts"
import type { System } from "../System.ts"
import { inTemporaryDirectory } from "../temporary.ts"
import type { Scenario, Stage } from "./Scenario.ts"

/** Every system ends by itself in this time. */
const secondsMax = 60

/** Leaves time to let go of everything. */
const deadline = "55 seconds"

const writerProgram = fileURLToPath(new URL("./writer/main.ts", import.meta.url))

export const register = (
  scenarios: ReadonlyArray<Scenario>,
  writer: Stage["writer"] = writerProgram
): System => ({
  name: "register",
  summary: "processes share a register on disk, and are killed wherever one can be",
  takesWriters: true,
  run: runInDirectory(scenarios, writer).pipe(
    Effect.catchCause((cause) => Effect.succeed([unfinished("register", describeCause(cause))])),
    Effect.timed,
    Effect.map(([duration, promises]) => [...promises, inTime(Duration.toSeconds(duration))])
  )
})

const runInDirectory = (scenarios: ReadonlyArray<Scenario>, writer: Stage["writer"]) =>
  Effect.gen(function* () {
    yield* openLasting
    const before = openDescriptors()
    const promises = yield* inTemporaryDirectory("register", (directory) =>
      Effect.gen(function* () {
        yield* (yield* Live).say(`registers are in ${directory}`)
        return yield* runAll(scenarios, (id) => ({
          directory: join(directory, id),
          cache: directory,
          writer
        }))
        // What ran out of time has processes, which have to be gone before the directory is.
      }).pipe(Effect.provide(Deadline.layerAbandoned()))
    )
    return [...promises, nothingOpen(before, yield* settledDescriptors(before))]
  })

/** One mostly waits; of the others, which do not, each has the machine for itself. */
const runAll = (scenarios: ReadonlyArray<Scenario>, stageOf: (id: string) => Stage) =>
  Effect.gen(function* () {
    const promisesOf = new Map<Scenario, ReadonlyArray<Promised>>()
    const run = (scenario: Scenario) =>
      Effect.map(runOne(scenario, stageOf(scenario.id)), (promises) => promisesOf.set(scenario, promises))
    const [waiting, working] = [true, false].map((isWaiting) =>
      Effect.forEach(
        scenarios.filter((scenario) => scenario.waits === isWaiting),
        run
      )
    )
    const trouble = yield* Effect.all([waiting ?? Effect.void, working ?? Effect.void], {
      concurrency: "unbounded"
    }).pipe(
      Deadline.within(deadline, { label: "register" }),
      Effect.as([]),
      Effect.catchCause((cause) => Effect.succeed([unfinished("register", describeCause(cause))]))
    )
    // What was measured until then is told in any case.
    return [...scenarios.flatMap((scenario) => promisesOf.get(scenario) ?? []), ...trouble]
  })

/** A scenario that breaks down, or does not end, is a promise that is not kept, and no other scenario's business. */
const runOne = (scenario: Scenario, stage: Stage) =>
  scenario.run(stage).pipe(
    Effect.scoped,
    Deadline.within(`${scenario.secondsMax} seconds`, { label: scenario.id }),
    Effect.catchCause((cause) => Effect.succeed([unfinished(scenario.id, describeCause(cause))]))
  )

const unfinished = (id: string, reason: string): Promised =>
  notMeasured({
    id: `${id}/run`,
    text: id === "register" ? "The scenarios run until the end" : `The scenario "${id}" runs`,
    reason
  })

const nothingOpen = (before: number | undefined, after: number | undefined): Promised =>
  noMoreDescriptors({
    id: "register/left-open",
    text: "Nothing is left behind: file descriptors that were open before / are open now",
    before,
    after
  })

const inTime = (seconds: number): Promised =>
  atMost({
    id: "register/total",
    text: "Everything together",
    bound: secondsMax,
    measured: seconds,
    unit: "s"
  })
