import { stripVTControlCharacters } from "node:util"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { clearLine } from "@holdfast/terminal/Output"
import { keepingTerminal } from "@holdfast/terminal/testing"
import { Cause, Effect, Exit, FileSystem, Layer, Path, Runtime } from "effect"
import { CliError, CliOutput, Command } from "effect/cli"
import { simlab } from "../src/cli.ts"
import { fixtures } from "./support/fixtures.ts"
import { oneWorker, timeout } from "./support/workers.ts"

const crashes = "a host, whatever happens to it"

const quiet = CliOutput.layerPresenter({ present: () => Effect.void })

interface Watched {
  /** Of the terminal; it is none when left out. */
  readonly columns?: number
  readonly env?: Record<string, string>
}

/** What a person sees of a command, and how it ends. */
const sim = ({ columns, env = {} }: Watched, ...args: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    const isTerminal = columns !== undefined
    const { displayed, layer } = keepingTerminal({ isTerminal, columns: columns ?? 80, env })
    return Command.runWith(simlab, { version: "0", renderErrors: false })(args).pipe(
      Effect.exit,
      Effect.map((exit) => {
        const error = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
        return { displayed, error, problem: problemOf(error) }
      }),
      Effect.provide([quiet, layer])
    )
  })

const layer = Layer.merge(NodeServices.layer, oneWorker(fixtures.several))

const options = { excludeTestServices: true, timeout }

const problemOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null) return ""
  if ("errors" in error && Array.isArray(error.errors)) return error.errors.map(String).join("\n")
  return CliError.getUserMessage(error) ?? String(error)
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: that there are none is the point
const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/

describe("sim run", { timeout }, () => {
  it.layer(
    layer,
    options
  )((it) => {
    it.effect(
      "draws its progress where somebody watches, never wider than the terminal, and leaves none of it",
      () =>
        Effect.gen(function* () {
          for (const columns of [40, 80]) {
            const { displayed, error } = yield* sim({ columns }, "run", "sums", crashes, "--runs", "100")
            assert.isUndefined(error)
            const frames = displayed.filter((text) => text.startsWith(clearLine) && text !== clearLine)
            assert.isAbove(frames.length, 1)
            for (const frame of frames) assert.isBelow(frame.length - clearLine.length, columns)
            assert.match(frames.at(-1) ?? "", /░|█/)
            assert.isAbove(displayed.lastIndexOf(clearLine), displayed.lastIndexOf(frames.at(-1) ?? ""))
          }
        })
    )

    it.effect("writes no control characters where nobody watches, or where they are not wanted", () =>
      Effect.gen(function* () {
        for (const options of [
          {},
          { columns: 80, env: { NO_COLOR: "1" } },
          { columns: 80, env: { CI: "true" } }
        ]) {
          const { displayed, error } = yield* sim(options, "run", "sums", crashes, "--runs", "100")
          assert.isUndefined(error)
          assert.notMatch(displayed.join(""), control)
          assert.match(
            displayed.join(""),
            /✓ sums .*✓ a host, whatever .*2 suites passed: 200 runs, .* hash /s
          )
        }
      })
    )

    it.effect("has a table that fits, with the faults that took effect and what was seen", () =>
      Effect.gen(function* () {
        const { displayed } = yield* sim({ columns: 80 }, "run", "sums", crashes, "--runs", "100")
        // What stands in a line before it is cleared is gone, and colours take no room.
        const lines = displayed.join("").split("\n")
        const text = lines
          .map((line) => stripVTControlCharacters(line.slice(line.lastIndexOf("\r") + 1)))
          .join("\n")
        for (const line of text.split("\n")) assert.isAtMost(line.length, 80)
        assert.match(text, /suite +runs +time +virtual +events +seen +violations/)
        assert.match(text, /sums +100 .* 1\/1 +–/)
        assert.match(text, /faults: (crash|pause) \d+, (crash|pause) \d+/)
      })
    )

    it.effect("makes the suites that are named, each once", () =>
      Effect.gen(function* () {
        const { displayed } = yield* sim({}, "run", "sums", "sums", "--runs", "20")
        assert.match(displayed.join(""), /1 suite passed: 20 runs/)
      })
    )

    it.effect(
      "fails when something was never seen, and says what; not in a shard, which need not see it",
      () =>
        Effect.gen(function* () {
          const { displayed, error } = yield* sim({}, "run", "unseen", "--runs", "20")
          assert.strictEqual(Runtime.getErrorExitCode(error), 1)
          assert.isFalse(Runtime.getErrorReported(error))
          assert.match(displayed.join(""), /✗ unseen.*never seen: the other side.*of 1 suite 1 failed/s)
          const shard = yield* sim({}, "run", "unseen", "--runs", "20", "--shard", "2/2")
          assert.isUndefined(shard.error)
        })
    )
  })
})

describe("the command line", { timeout }, () => {
  it.layer(
    layer,
    options
  )((it) => {
    it.effect.each<readonly [ReadonlyArray<string>, RegExp]>([
      [["run", "sumz"], /there is no suite "sumz". There are:.*\n {4}sums\n {4}a host, whatever/s],
      [["run", "--shard", "0/2"], /--shard.*"0\/2".*I from 1 to N, such as 2\/8/],
      [["run", "--shard", "3/2"], /such as 2\/8/],
      [["run", "--shard", "1/2/3"], /such as 2\/8/],
      [["run", "--time-limit", "soon"], /--time-limit.*a duration such as "90 seconds"/],
      [["run", "--time-limit=-3 seconds"], /a duration such as/],
      [["run", "--time-limit", "Infinity"], /a duration such as/],
      [["run", "--runs", "0"], /--runs.*1 to 2,147,482,624 runs, not 0/],
      [["run", "--runs", "9999999999"], /1 to 2,147,482,624 runs/],
      [["run", "--workers", "0"], /1 to 512 workers, not 0/],
      [["run", "--seed", "x"], /--seed/],
      [
        ["run", "--json", "/no/such/directory/x.json"],
        /cannot write .*x\.json: its directory does not exist/
      ],
      [["run", "--json", "/"], /cannot write \/: it is a directory/],
      [["replay", "garbage"], /"garbage" is no token.*Give a file under \.simlab\//],
      [["replay", "WzEsImE"], /Give a file under \.simlab\//],
      [["replay", "./none.json"], /none\.json: there is no such file/],
      [["replay", ""], /there is no such file/],
      [["replay", "/"], /\/: it is a directory/],
      [["replay", "/dev/zero"], /\/dev\/zero: it is not a file/],
      [["replay", import.meta.filename], /cli\.test\.ts: it is not the file of a failure/],
      [["replay", "WzEsImE", "--trace", "x.svg"], /x\.svg: a trace is written as \.html .* or as \.json/],
      [["replay", "WzEsImE", "--trace", "/no/such/x.html"], /cannot write/],
      [["replay"], /failure/],
      [["dance"], /dance/]
    ])("refuses %j with what to do about it, before anything runs", ([args, expected]) =>
      Effect.gen(function* () {
        const { displayed, error, problem } = yield* sim({}, ...args)
        assert.strictEqual(Runtime.getErrorExitCode(error), 1)
        assert.match(problem, expected)
        assert.notMatch(displayed.join(""), /virtual/)
      })
    )

    it.effect("lists the suites and their guarantees", () =>
      Effect.gen(function* () {
        const { displayed, error } = yield* sim({ columns: 60 }, "list")
        assert.isUndefined(error)
        assert.match(
          displayed.join(""),
          /sums +SU-1\na host, whatever happens to it +CR-1 CR-2\nunseen +UN-1\n/
        )
      })
    )

    it.effect("says that a suite is gone when a token of it is replayed", () =>
      Effect.gen(function* () {
        const token = Buffer.from(JSON.stringify([1, "gone", 3, [], [], 0])).toString("base64url")
        const { problem } = yield* sim({}, "replay", token)
        assert.match(problem, /there is no suite "gone" any more.*\n {2}sums\n/s)
      })
    )

    it.effect("reads no token from a file that is not text", () =>
      Effect.gen(function* () {
        const file = (yield* Path.Path).join(
          yield* (yield* FileSystem.FileSystem).makeTempDirectoryScoped(),
          "x.json"
        )
        yield* (yield* FileSystem.FileSystem).writeFile(file, new Uint8Array(1000).fill(0xff))
        assert.match((yield* sim({}, "replay", file)).problem, /x\.json: it is not the file of a failure/)
      }).pipe(Effect.scoped)
    )
  })
})
