/** The nodes of the demo: real processes, which are killed, stopped and started again. */
import { dirname, join } from "node:path"
import { fileURLToPath } from "node:url"
import { Deadline } from "@holdfast/core"
import { Effect, Exit, Queue, Schema, Scope, Stream } from "effect"
import { ChildProcess, ChildProcessSpawner } from "effect/process"
import { describeError } from "../cause.ts"
import { type Command, type Plan, Seen } from "./node/Wire.ts"
import { Sequence } from "./Sequence.ts"

/** A process of the demo did not begin, or ended before it was told to. */
export class NodeGone extends Schema.TaggedError<NodeGone>("control-room/relay/NodeGone")("NodeGone", {
  reason: Schema.String
}) {
  override get message(): string {
    return `the node's process: ${this.reason}`
  }
}

export interface Node {
  readonly pid: number
  /** What it saw, also once it is dead. */
  readonly seen: Sequence<Seen>
  readonly tell: (command: Command) => Effect.Effect<void>
  /** Ends it with SIGKILL, and waits until it is gone. The result is when that was done, in milliseconds. */
  readonly kill: Effect.Effect<number>
  /** SIGSTOP, until `resume`; if this process should end meanwhile, the node goes on by itself, and ends too. */
  readonly stop: Effect.Effect<number, NodeGone>
  readonly resume: Effect.Effect<number>
}

const entryPoint = fileURLToPath(new URL("./node/main.ts", import.meta.url))

/** Starting takes a fraction of a second; this is for a machine that is very busy. */
const startDeadline = "15 seconds"

const decodeSeen = Schema.decodeUnknownEffect(Schema.fromJsonString(Seen))

const gone = (reason: unknown): NodeGone => new NodeGone({ reason: describeError(reason) })

const now = Effect.sync(() => Date.now())

const defaults = {
  height: 1,
  listens: "at once",
  downloadChecks: 0,
  handle: "at once",
  polls: "wait"
} as const satisfies Omit<Plan, "path">

/** Starts a node and waits until it listens, or until it waits to be told to. It ends with the scope. */
export const start = (
  given: Pick<Plan, "path"> & Partial<Plan>
): Effect.Effect<Node, NodeGone, Scope.Scope | ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.gen(function* () {
    const plan: Plan = { ...defaults, ...given }
    const scope = yield* Scope.fork(yield* Effect.scope)
    const spawner = yield* ChildProcessSpawner.ChildProcessSpawner
    const commands = yield* Queue.bounded<Command>(16)
    const seen = new Sequence<Seen>()

    const child = yield* ChildProcess.make(process.execPath, [entryPoint, JSON.stringify(plan)], {
      // Also its lifeline: closed by the system when this process is gone.
      stdin: Stream.encodeText(Stream.map(Stream.fromQueue(commands), (command) => `${command}\n`)),
      stderr: "inherit",
      killSignal: "SIGKILL",
      // Dozens are started: only the first of them compiles anything.
      env: { NODE_COMPILE_CACHE: join(dirname(plan.path), "compiled") },
      extendEnv: true
    }).pipe(Scope.provide(scope), Effect.mapError(gone))

    yield* child.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.mapEffect((line) => decodeSeen(line)),
      Stream.runForEach((event) => Effect.sync(() => seen.push(event))),
      Effect.catchCause((cause) => Effect.logError("what the node says is not understood", cause)),
      Effect.forkIn(scope)
    )
    const ended = Effect.exit(child.exitCode)
    const expected = plan.listens === "at once" ? "listening" : "ready"
    yield* seen
      .first(({ what }) => what === expected)
      .pipe(
        Effect.raceFirst(Effect.andThen(ended, Effect.fail("ended before it was ready"))),
        Deadline.within(startDeadline, { label: "node" }),
        Effect.mapError(gone)
      )

    const signal = (name: NodeJS.Signals) =>
      Effect.tap(now, () => Effect.sync(() => process.kill(child.pid, name)))
    return {
      pid: child.pid,
      seen,
      tell: (command) => Effect.asVoid(Queue.offer(commands, command)),
      kill: signal("SIGKILL").pipe(Effect.tap(ended), Effect.tap(Scope.close(scope, Exit.void))),
      stop: guard(child.pid).pipe(
        Scope.provide(scope),
        Effect.provideService(ChildProcessSpawner.ChildProcessSpawner, spawner),
        Effect.andThen(signal("SIGSTOP"))
      ),
      resume: signal("SIGCONT")
    }
  })

/** A stopped process does not notice that its parent is gone: somebody else has to, and to wake it. */
const guardProgram = `process.stdin.on("close", () => {
  try { process.kill(Number(process.argv[1]), "SIGCONT") } catch {}
}).resume()
console.log("ready")`

const guard = (pid: number) =>
  Effect.gen(function* () {
    const child = yield* ChildProcess.make(process.execPath, ["-e", guardProgram, String(pid)], {
      stdin: "pipe",
      stderr: "inherit",
      killSignal: "SIGKILL"
    })
    yield* Stream.runHead(child.stdout)
  }).pipe(Deadline.within(startDeadline, { label: "guard" }), Effect.mapError(gone))
