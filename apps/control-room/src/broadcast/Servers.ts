/** The servers of the demo: real ones, on loopback, in a process of their own. */
import { fileURLToPath } from "node:url"
import { Deadline } from "@holdfast/core"
import { Effect, Option, Schema, type Scope, Stream } from "effect"
import { HttpClient, HttpClientResponse } from "effect/http"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import { describeError } from "../cause.ts"
import { Ready, Seen, type SeenServer, type ServerSpec } from "./servers/Wire.ts"

/** The process of the servers did not get as far as listening, or ended before it was told to. */
export class ServersGone extends Schema.TaggedError<ServersGone>("control-room/broadcast/ServersGone")(
  "ServersGone",
  {
    when: Schema.Literals(["starting", "running"]),
    reason: Schema.String,
    stderr: Schema.String
  }
) {
  override get message(): string {
    return `the servers' process, while ${this.when}: ${this.reason}${this.stderr === "" ? "" : `\n${this.stderr}`}`
  }
}

export interface Servers {
  readonly pid: number
  /** In the order of the specs. */
  readonly urls: ReadonlyArray<string>
  readonly blackHole: Ready["blackHole"]
  /** Where to look at what they see. */
  readonly seenUrl: string
  /** What every server saw so far. */
  readonly seen: Effect.Effect<ReadonlyArray<SeenServer>, ServersGone>
  /** The same, once the servers at these positions have no connection open. */
  readonly seenIdle: (indices: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<SeenServer>, ServersGone>
  /** Fails when the process ends by itself. */
  readonly died: Effect.Effect<never, ServersGone>
}

const entryPoint = fileURLToPath(new URL("./servers/main.ts", import.meta.url))

/** Starting takes a fraction of a second; this is for a machine that is very busy. */
const startDeadline = "15 seconds"

/** What is waited for here has happened already, or is about to. */
const reportDeadline = "10 seconds"

/** The end of a stack trace and what led to it: more would push the table off the screen. */
const stderrLinesMax = 20

/** Starts the servers; they end with the scope, and at the latest when this process does, however that happens. */
export const start = (
  specs: ReadonlyArray<ServerSpec>
): Effect.Effect<
  Servers,
  ServersGone,
  Scope.Scope | ChildProcessSpawner.ChildProcessSpawner | HttpClient.HttpClient
> =>
  Effect.gen(function* () {
    const http = yield* HttpClient.HttpClient
    const stderr: Array<string> = []
    const gone = (when: ServersGone["when"]) => (reason: unknown) =>
      new ServersGone({
        when,
        reason: describeError(reason),
        stderr: stderr.join("\n")
      })

    const child = yield* ChildProcess.make(process.execPath, [entryPoint, JSON.stringify(specs)], {
      // The lifeline: never written to, and closed by the system when this process is gone.
      stdin: "pipe",
      killSignal: "SIGTERM",
      forceKillAfter: "2 seconds"
    }).pipe(Effect.mapError(gone("starting")))

    yield* child.stderr.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.runForEach((line) =>
        Effect.sync(() => {
          stderr.push(line)
          if (stderr.length > stderrLinesMax) stderr.shift()
        })
      ),
      Effect.ignore,
      Effect.forkScoped
    )

    const died = (when: ServersGone["when"]) =>
      child.exitCode.pipe(
        Effect.mapError(gone(when)),
        Effect.flatMap((code) => Effect.fail(gone(when)(`ended with code ${code}`)))
      )

    const ready = yield* child.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.runHead,
      Effect.flatMap((line) =>
        Option.isSome(line) ? Effect.succeed(line.value) : Effect.fail("closed its output")
      ),
      Effect.flatMap(Schema.decodeUnknownEffect(Schema.fromJsonString(Ready))),
      Deadline.within(startDeadline, { label: "servers listening" }),
      Effect.mapError(gone("starting")),
      Effect.raceFirst(died("starting"))
    )

    const ask = (path: string) =>
      http.get(ready.control + path).pipe(
        Effect.flatMap(HttpClientResponse.schemaBodyJson(Seen)),
        Deadline.within(reportDeadline, { label: "servers' report" }),
        Effect.map(({ servers }) => servers),
        Effect.mapError(gone("running"))
      )

    return {
      pid: child.pid,
      urls: ready.urls,
      blackHole: ready.blackHole,
      seenUrl: `${ready.control}/seen`,
      seen: ask("/seen"),
      seenIdle: (indices) => ask(`/seen?${indices.map((index) => `idle=${index}`).join("&")}`),
      died: died("running")
    }
  })
