import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import { keepingTerminal } from "@holdfast/terminal/testing"
import { Cause, Effect, Exit, FileSystem, Layer, Path, Runtime } from "effect"
import { Command } from "effect/cli"
import { controlRoom } from "../src/cli.ts"
import { exactly } from "../src/Promised.ts"
import { Writers } from "../src/register/Numbers.ts"
import type { System } from "../src/System.ts"

const ran: Array<string> = []
const writers: Array<number> = []

const system = (name: string, measured: number, options?: Pick<System, "takesWriters">): System => ({
  ...options,
  name,
  summary: `the system ${name}`,
  run: Effect.map(Writers, (count) => {
    ran.push(name)
    writers.push(count)
    return [exactly({ id: `${name}/one`, text: "One is one", bound: 1, measured, unit: "" })]
  })
})

const run = (...args: ReadonlyArray<string>) =>
  Effect.suspend(() => {
    ran.length = 0
    writers.length = 0
    return Command.runWith(controlRoom([system("good", 1, { takesWriters: true }), system("broken", 2)]), {
      version: "0"
    })(args)
  })

const errorOf = <A, E>(exit: Exit.Exit<A, E>) => (Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined)

describe("control-room demo", () => {
  const terminal = keepingTerminal({ isTerminal: false, columns: 80 })

  it.layer(Layer.merge(NodeServices.layer, terminal.layer))("with the services of Node", (it) => {
    it.effect("runs the systems that are named", () =>
      Effect.gen(function* () {
        yield* run("demo", "good")
        assert.deepStrictEqual(ran, ["good"])
        assert.match(terminal.displayed.join(""), /✓ One is one .*1 of 1 promises kept/s)
      })
    )

    it.effect("runs every system when none is named, and fails when a promise is not kept", () =>
      Effect.gen(function* () {
        const error = errorOf(yield* Effect.exit(run("demo")))
        assert.deepStrictEqual(ran, ["good", "broken"])
        assert.propertyVal(error, "_tag", "PromisesBroken")
        assert.strictEqual(Runtime.getErrorExitCode(error), 1)
        assert.isFalse(Runtime.getErrorReported(error))
      })
    )

    it.effect("a system that does not exist is an error that names those that do", () =>
      Effect.gen(function* () {
        const error = errorOf(yield* Effect.exit(run("demo", "nonsense")))
        assert.deepStrictEqual(ran, [])
        assert.match(JSON.stringify(error), /nonsense.*good.*broken/)
      })
    )

    it.effect("says how many writers there shall be: eight, or as many as are asked for and make sense", () =>
      Effect.gen(function* () {
        yield* run("demo", "good")
        assert.deepStrictEqual(writers, [8])
        yield* run("demo", "good", "--writers", "3")
        assert.deepStrictEqual(writers, [3])
        for (const count of ["1", "13", "many"]) {
          assert.isTrue(Exit.isFailure(yield* Effect.exit(run("demo", "good", "--writers", count))))
        }
        assert.deepStrictEqual(ran, [])
      })
    )

    it.effect("refuses writers where nothing is to run that has them", () =>
      Effect.gen(function* () {
        const error = errorOf(yield* Effect.exit(run("demo", "broken", "--writers", "3")))
        assert.propertyVal(error, "_tag", "NotForThese")
        assert.match(JSON.stringify(error), /good/)
        assert.deepStrictEqual(ran, [])
        yield* Effect.exit(run("demo", "--writers", "3"))
        assert.deepStrictEqual(writers, [3, 3])
      })
    )

    it.effect("writes the result as JSON, also when a promise is not kept", () =>
      Effect.gen(function* () {
        const fs = yield* FileSystem.FileSystem
        const file = (yield* Path.Path).join(yield* fs.makeTempDirectoryScoped(), "result.json")
        yield* Effect.exit(run("demo", "broken", "--json", file))
        assert.deepStrictEqual(JSON.parse(yield* fs.readFileString(file)), {
          systems: [
            {
              name: "broken",
              ok: false,
              promises: [
                { id: "broken/one", text: "One is one", bound: "1", measured: 2, unit: "", ok: false }
              ]
            }
          ]
        })
      })
    )

    it.effect(
      "a result that cannot be written is an error, before anything runs where that can be known",
      () =>
        Effect.gen(function* () {
          const fs = yield* FileSystem.FileSystem
          const directory = yield* fs.makeTempDirectoryScoped()
          const inNoDirectory = (yield* Path.Path).join(directory, "no", "result.json")
          assert.propertyVal(
            errorOf(yield* Effect.exit(run("demo", "--json", inNoDirectory))),
            "_tag",
            "CannotWrite"
          )
          assert.deepStrictEqual(ran, [])
          assert.propertyVal(
            errorOf(yield* Effect.exit(run("demo", "--json", directory))),
            "_tag",
            "CannotWrite"
          )
          assert.deepStrictEqual(ran, [])
        })
    )
  })
})
