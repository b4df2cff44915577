/** The processes of the demo: writers, and those of the peer. Each can be killed at any time. */
import { join } from "node:path"
import { Deadline } from "@holdfast/core"
import { Effect, Exit, Fiber, Queue, Schema, Scope, Stream } from "effect"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import { describeError } from "../cause.ts"
import { Sequence } from "../relay/Sequence.ts"
import type { PeerPlan } from "./peer/Wire.ts"
import { nowMillis } from "./writer/lines.ts"
import { type Heard, type Plan, Told } from "./writer/Wire.ts"

/** A process did not begin, or ended before it was told to. */
export class ProcessGone extends Schema.TaggedError<ProcessGone>("control-room/register/ProcessGone")(
  "ProcessGone",
  { name: Schema.String, reason: Schema.String }
) {
  override get message(): string {
    return `${this.name}: ${this.reason}`
  }
}

export interface Process {
  readonly name: string
  readonly pid: number
  /** What it told, also once it is dead. */
  readonly told: Sequence<Told>
  readonly tell: (heard: Heard) => Effect.Effect<void>
  /** Waits for the first that matches; fails when it ends without. */
  readonly first: <A extends Told>(is: (told: Told) => told is A) => Effect.Effect<A, ProcessGone>
  /**
   * Ends it with SIGKILL, and waits until it is gone and all that it told is here. The result is when, in milliseconds. It
   * fails when the process has gone before.
   */
  readonly kill: Effect.Effect<number, ProcessGone>
  /** When it was killed. */
  readonly killedMillis: () => number | undefined
  /** Waits for its end, and for all that it told. */
  readonly ended: Effect.Effect<void>
}

/** Whether it is told so. */
export const isTold =
  <Tag extends Told["tag"]>(tag: Tag) =>
  (told: Told): told is Extract<Told, { readonly tag: Tag }> =>
    told.tag === tag

/** Starting takes a fraction of a second; this is for a machine that is very busy. */
const startDeadline = "30 seconds"

const decodeTold = Schema.decodeUnknownEffect(Schema.fromJsonString(Told))

export interface Start {
  readonly entryPoint: string
  readonly plan: Plan | PeerPlan
  /** Where compiled code is kept: only the first of many compiles anything. */
  readonly cache: string
}

/** Starts a process and waits for what it tells first. It ends with the scope. */
export const start = ({
  cache,
  entryPoint,
  plan
}: Start): Effect.Effect<Process, ProcessGone, Scope.Scope | ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.gen(function* () {
    const { name } = plan
    const gone = (reason: unknown) => new ProcessGone({ name, reason: describeError(reason) })
    const scope = yield* Scope.fork(yield* Effect.scope)
    const orders = yield* Queue.bounded<Heard>(16)
    const told = new Sequence<Told>()
    const child = yield* ChildProcess.make(process.execPath, [entryPoint, JSON.stringify(plan)], {
      // Also its lifeline: closed by the system when this process is gone.
      stdin: Stream.encodeText(Stream.map(Stream.fromQueue(orders), (order) => `${JSON.stringify(order)}\n`)),
      stderr: "inherit",
      killSignal: "SIGKILL",
      env: { NODE_COMPILE_CACHE: join(cache, "compiled") },
      extendEnv: true
    }).pipe(Scope.provide(scope), Effect.mapError(gone))
    const reading = yield* child.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.mapEffect((line) => decodeTold(line)),
      Stream.runForEach((one) => Effect.sync(() => told.push(one))),
      Effect.catchCause((cause) => Effect.logError(`what ${name} tells is not understood`, cause)),
      Effect.forkIn(scope)
    )
    const ended = Effect.andThen(Effect.exit(child.exitCode), Effect.asVoid(Fiber.await(reading)))
    let killedMillis: number | undefined
    const first: Process["first"] = (is) =>
      Effect.raceFirst(
        told.until((all) => all.find(is)),
        Effect.flatMap(ended, () => {
          const found = told.items.find(is)
          return found === undefined ? Effect.fail(gone(lastWords(told.items))) : Effect.succeed(found)
        })
      )
    yield* first((one): one is Told => one.tag === "ready" || one.tag === "stopped").pipe(
      Deadline.within(startDeadline, { label: name }),
      Effect.mapError(gone)
    )
    return {
      name,
      pid: child.pid,
      told,
      tell: (order) => Effect.asVoid(Queue.offer(orders, order)),
      first,
      kill: Effect.gen(function* () {
        const at = nowMillis()
        const isThere = yield* Effect.sync(() => sendKill(child.pid))
        if (isThere) killedMillis ??= at
        yield* ended
        yield* Scope.close(scope, Exit.void)
        return isThere ? at : yield* gone(lastWords(told.items))
      }),
      killedMillis: () => killedMillis,
      ended
    }
  })

/** `false` when there is no such process any more. */
const sendKill = (pid: number): boolean => {
  try {
    return process.kill(pid, "SIGKILL")
  } catch {
    return false
  }
}

const lastWords = (told: ReadonlyArray<Told>): string => {
  const failed = told.find(isTold("failed"))
  return failed === undefined ? "ended before it was told to" : `failed: ${failed.text}`
}
