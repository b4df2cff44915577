/** Threads that make runs. One that dies, or is stuck, ends what waits for it with a reason, and never leaves it waiting. */
import { Worker as Thread } from "node:worker_threads"
import { Context, Deferred, Duration, Effect, Exit, Layer, Schema, type Scope } from "effect"
import { CliError } from "effect/cli"
import { Board } from "./board.ts"
import type { Answers, FromWorker, Part, Request, Start } from "./protocol.ts"
import { printed, visible, visibleLine } from "./texts.ts"

/** What was asked for cannot be done, and the reason says what to do. */
export class Refused extends Schema.TaggedError<Refused>("simlab/Refused")("Refused", {
  problem: Schema.String
}) {
  override get [CliError.userMessage]() {
    return visible(this.problem)
  }
}

/** A worker is gone, or had to be ended. */
export class WorkerDied extends Schema.TaggedError<WorkerDied>("simlab/WorkerDied")("WorkerDied", {
  doing: Schema.String,
  problem: Schema.String
}) {
  override get [CliError.userMessage]() {
    return visible(`a worker died ${this.doing}\n  ${this.problem}`)
  }
}

export interface Settings {
  /** Where suites are: a glob for files. */
  readonly pattern: string
  /** How long one run may take, with making it small when it fails; what takes twice as long has ended. */
  readonly patience: Duration.Duration
  /** How much memory the objects of one worker may take. */
  readonly heapMegabytes: number
}

/** One thread. It does one thing at a time. */
export interface Hand {
  readonly ask: <R extends Request>(
    request: R,
    onProgress?: (part: Part) => void
  ) => Effect.Effect<Answers[R["_tag"]], Refused | WorkerDied>
}

export interface Crew {
  readonly board: Board
  readonly hands: ReadonlyArray<Hand>
}

export class Workers extends Context.Service<
  Workers,
  {
    /** Threads for as long as the scope is open. They end with it, whatever they do. */
    readonly hire: (count: number) => Effect.Effect<Crew, never, Scope.Scope>
  }
>()("simlab/Workers") {
  static readonly layer = (settings: Settings): Layer.Layer<Workers> =>
    Layer.succeed(Workers)({
      hire: (count) => {
        const board = Board.forWorkers(count)
        const indexes = Array.from({ length: count }, (_, index) => index)
        return Effect.map(
          Effect.forEach(indexes, (index) => hire(settings, board, index)),
          (hands) => ({ board, hands })
        )
      }
    })
}

/** One thread, for what is done once. */
export const hireOne = Effect.gen(function* () {
  const [hand] = (yield* (yield* Workers).hire(1)).hands
  return hand ?? (yield* Effect.die(new Error("nobody was hired")))
})

const start = ({ heapMegabytes, pattern }: Settings, board: Board, index: number): Thread => {
  const workerData: Start = { pattern, index, cells: board.cells }
  return new Thread(new URL("./worker.ts", import.meta.url), {
    workerData,
    execArgv: ["--import", new URL("./preload.ts", import.meta.url).href],
    resourceLimits: { maxOldGenerationSizeMb: heapMegabytes }
  })
}

/** Where an exception came from is worth knowing; where Node.js noticed the end of the thread is not. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return `it threw ${printed(error)}`
  return "code" in error ? error.message : printed(error)
}

const hire = Effect.fnUntraced(function* (settings: Settings, board: Board, index: number) {
  const thread = yield* Effect.acquireRelease(
    Effect.sync(() => start(settings, board, index)),
    (thread) => Effect.promise(() => thread.terminate())
  )
  const death = yield* Deferred.make<never, string>()
  const die = (problem: string) => Deferred.doneUnsafe(death, Exit.fail(problem))
  thread.on("error", (error: unknown) => die(reasonOf(error)))
  thread.on("messageerror", (error: Error) => die(error.message))
  thread.on("exit", (code) => die(`it ended by itself, with exit code ${code}`))
  const hand: Hand = {
    ask: (request, onProgress = () => {}) => {
      let hasFailed = false
      const note = (part: Part) => {
        hasFailed = part.report.failures.length > 0
        onProgress(part)
      }
      return ask(thread, request, note).pipe(
        Effect.raceFirst(Deferred.await(death)),
        Effect.raceFirst(
          stuck(
            settings.patience,
            () => board.runOf(index),
            () => hasFailed
          )
        ),
        Effect.mapError((reason) =>
          reason instanceof Refused
            ? reason
            : new WorkerDied({ doing: describe(request, board.runOf(index)), problem: reason })
        )
      )
    }
  }
  return hand
})

const ask = <R extends Request>(thread: Thread, request: R, onProgress: (part: Part) => void) =>
  Effect.callback<Answers[R["_tag"]], Refused>((resume) => {
    const listen = (message: FromWorker<Answers[R["_tag"]]>) => {
      if (message._tag === "Progress") return onProgress(message.part)
      thread.off("message", listen)
      resume(
        message._tag === "Answer"
          ? Effect.succeed(message.answer)
          : Effect.fail(new Refused({ problem: message.problem }))
      )
    }
    thread.on("message", listen)
    thread.postMessage(request)
    return Effect.sync(() => thread.off("message", listen))
  })

/** Fails when a worker is still at the same run after all that time. */
const stuck = Effect.fnUntraced(function* (
  patience: Duration.Duration,
  runOf: () => number,
  hasFailed: () => boolean
) {
  for (let before: number | undefined; ; ) {
    const now = runOf()
    if (now === before) {
      const doing = hasFailed() ? "while it made what failed smaller, " : ""
      return yield* Effect.fail(
        `it has been silent for ${Duration.format(patience)}: ${doing}in a loop that makes no simulated step, it seems`
      )
    }
    before = now
    yield* Effect.sleep(patience)
  }
})

/** The command line, as the user calls it. */
export const sim = "npx --yes pnpm@12 run sim"

/** As a word of a shell. */
const quote = (text: string): string =>
  text === visibleLine(text)
    ? `'${text.replaceAll("'", "'\\''")}'`
    : `$'${visibleLine(text.replaceAll("\\", "\\\\").replaceAll("'", "\\'"))}'`

/** How to make only one run of a campaign. */
export const thatRunAlone = (suite: string, seed: number, run: number): string => {
  const flags = `--seed ${seed} --runs ${run + 1} --shard ${run + 1}/${run + 1}`
  return suite.startsWith("-")
    ? `${sim} run ${flags} -- ${quote(suite)}`
    : `${sim} run ${quote(suite)} ${flags}`
}

/** What a worker was at, and for a run, how to make only that one. */
const describe = (request: Request, run: number): string => {
  switch (request._tag) {
    case "List":
      return "while it loaded the suites."
    case "Replay":
      return "while it made the run again."
    case "Planted":
      return `while it looked for the planted bug "${request.bug}".`
    case "Campaign":
      return run < 0
        ? `while it loaded the suites, to run "${request.suite}".`
        : `in run ${run} of the suite "${request.suite}", with --seed ${request.seed}. That run alone:\n  ${thatRunAlone(request.suite, request.seed, run)}`
  }
}
