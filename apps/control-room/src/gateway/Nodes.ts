/** The nodes of the demo: real HTTP servers, on loopback, in a process of their own, whose behaviour is scripted. */
import { fileURLToPath } from "node:url"
import { Deadline } from "@holdfast/core"
import { Effect, Option, Schema, type Scope, Stream } from "effect"
import { HttpBody, type HttpClient, type HttpClientError, HttpClientResponse } from "effect/http"
import { ChildProcess, type ChildProcessSpawner } from "effect/process"
import { at } from "../at.ts"
import { describeError } from "../cause.ts"
import { type Behaviour, type Command, type Plan, Ready, SeenSet } from "./node/Wire.ts"

/** The process of the nodes did not get as far as listening, or ended before it was told to. */
export class NodesGone extends Schema.TaggedError<NodesGone>("control-room/gateway/NodesGone")("NodesGone", {
  reason: Schema.String
}) {
  override get message(): string {
    return `the nodes' process: ${this.reason}`
  }
}

/** Nodes with one ledger. Positions are those of the plan. */
export interface NodeSet {
  readonly urls: ReadonlyArray<string>
  /** Ends when the node behaves so. */
  readonly behave: (node: number, behaviour: Behaviour) => Effect.Effect<void, NodesGone>
  /** What they saw so far. */
  readonly seen: Effect.Effect<SeenSet, NodesGone>
  /** The same, once no node has a connection open. */
  readonly seenIdle: Effect.Effect<SeenSet, NodesGone>
}

export interface Nodes {
  readonly pid: number
  /** Where to look at what the first set sees. */
  readonly seenUrl: string
  readonly sets: ReadonlyArray<NodeSet>
  /** Fails when the process ends by itself. */
  readonly died: Effect.Effect<never, NodesGone>
}

const entryPoint = fileURLToPath(new URL("./node/main.ts", import.meta.url))

/** Starting takes a fraction of a second; this is for a machine that is very busy. */
const startDeadline = "15 seconds"

/** What is waited for here has happened already, or is about to. */
const controlDeadline = "10 seconds"

const gone = (reason: unknown): NodesGone => new NodesGone({ reason: describeError(reason) })

/** Starts the nodes; they end with the scope, and at the latest when this process does, however that happens. */
export const start = (
  http: HttpClient.HttpClient,
  plan: Plan
): Effect.Effect<Nodes, NodesGone, Scope.Scope | ChildProcessSpawner.ChildProcessSpawner> =>
  Effect.gen(function* () {
    const child = yield* ChildProcess.make(process.execPath, [entryPoint, JSON.stringify(plan)], {
      // The lifeline: never written to, and closed by the system when this process is gone.
      stdin: "pipe",
      stderr: "inherit",
      killSignal: "SIGTERM",
      forceKillAfter: "2 seconds"
    }).pipe(Effect.mapError(gone))
    const died = child.exitCode.pipe(
      Effect.mapError(gone),
      Effect.flatMap((code) => Effect.fail(gone(`ended with code ${code}`)))
    )
    const ready = yield* child.stdout.pipe(
      Stream.decodeText(),
      Stream.splitLines,
      Stream.runHead,
      Effect.flatMap((line) =>
        Option.isSome(line) ? Effect.succeed(line.value) : Effect.fail("closed its output")
      ),
      Effect.flatMap(Schema.decodeUnknownEffect(Schema.fromJsonString(Ready))),
      Deadline.within(startDeadline, { label: "nodes listening" }),
      Effect.mapError(gone),
      Effect.raceFirst(died)
    )
    return {
      pid: child.pid,
      seenUrl: `${ready.control}/seen/0`,
      sets: ready.urls.map((urls, index) => nodeSet(http, ready.control, index, urls)),
      died
    }
  })

const nodeSet = (
  http: HttpClient.HttpClient,
  control: string,
  set: number,
  urls: ReadonlyArray<string>
): NodeSet => {
  const bounded = <A>(self: Effect.Effect<A, HttpClientError.HttpClientError | Schema.SchemaError>) =>
    self.pipe(Deadline.within(controlDeadline, { label: "nodes' control" }), Effect.mapError(gone))
  const ask = (what: "seen" | "idle") =>
    bounded(Effect.flatMap(http.get(`${control}/${what}/${set}`), HttpClientResponse.schemaBodyJson(SeenSet)))
  return {
    urls,
    behave: (node, behaviour) => {
      const command: Command = { set, node, behaviour }
      const body = HttpBody.text(JSON.stringify(command), "application/json")
      return bounded(
        http.post(`${control}/behave`, { body }).pipe(
          Effect.flatMap(HttpClientResponse.filterStatusOk),
          Effect.flatMap((response) => response.text),
          Effect.asVoid
        )
      )
    },
    seen: ask("seen"),
    seenIdle: ask("idle")
  }
}

/** The names of the nodes, for people: the first is the primary. */
export const nameOf = (node: number): string => at(["A", "B", "C"], node)
