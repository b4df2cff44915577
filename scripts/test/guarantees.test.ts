import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { dirname, join } from "node:path"
import { assert, describe, it, onTestFinished } from "vitest"
import { root } from "../examples.ts"
import {
  checkRepository,
  checks,
  declarations,
  gather,
  problemsOf,
  render,
  type Source,
  writeRepository
} from "../guarantees.ts"

const module = (name: string, ...lines: ReadonlyArray<string>): Source => ({
  path: `packages/core/src/${name}.ts`,
  text: ["/**", ...lines.map((line) => ` * ${line}`), " */", "export const x = 1"].join("\n")
})

const suite = (...lines: ReadonlyArray<string>): Source => ({
  path: "packages/core/test/FanOut.test.ts",
  text: lines.join("\n")
})

const idsIn = (...lines: ReadonlyArray<string>) => checks(suite(...lines)).map(({ ids }) => ids.join(" "))

const fanOut = module("FanOut", "@guarantee FO-1 Returns in time.", "@guarantee FO-2 Never exceeds.")
const fanOutSuite = suite(`it("FO-1: in time", () => {})`, `it("FO-2: never", () => {})`)

describe("declarations", () => {
  it("are tags of doc comments, whose sentence ends at the next tag or blank line", () => {
    const source = module(
      "FanOut",
      "Runs targets. Read @guarantee as a promise.",
      "",
      "@guarantee FO-1 Returns no later",
      "  than its deadline.",
      "@guarantee FO-2 Never exceeds its concurrency.",
      "",
      "Not part of it.",
      "@guarantee FO-3",
      "Exactly one outcome.",
      "@since 0.1.0"
    )
    const text = `${source.text}\n// @guarantee FO-4 not a doc comment\n/** @guarantee FO-5 One line. */`
    assert.deepStrictEqual(
      declarations({ ...source, text }).map(({ id, line, sentence }) => [id, line, sentence]),
      [
        ["FO-1", 4, "Returns no later than its deadline."],
        ["FO-2", 6, "Never exceeds its concurrency."],
        ["FO-3", 9, "Exactly one outcome."],
        ["FO-5", 15, "One line."]
      ]
    )
  })
})

describe("checks", () => {
  it("are suites with all that their list names", () => {
    const { text } = suite(
      `export const suites = [`,
      `  Suite.make({ name: "a", guarantees: ["FO-1", "FO-2"], run }),`,
      `  Suite.make({ name: "b", guarantees: [], run }),`,
      `  Other.make({ guarantees: ["FO-3"] })`,
      `]`
    )
    const path = "packages/core/sim/FanOut.sim.ts"
    assert.deepStrictEqual(checks({ path, text }), [{ ids: ["FO-1", "FO-2"], source: path, line: 2 }])
    assert.deepStrictEqual(checks({ path: "packages/core/test/FanOut.test.ts", text }), [])
  })

  it.each(["guarantees", "guarantees: ids", "...common"])(
    "are refused where a suite hides its list: %s",
    (list) => {
      const { text } = suite(`Suite.make({ name: "a", ${list}, run })`)
      assert.throws(
        () => checks({ path: "packages/core/sim/FanOut.sim.ts", text }),
        /FanOut\.sim\.ts:1: write the list/
      )
    }
  )

  it("are tests of every form whose title begins with ids", () => {
    assert.deepStrictEqual(
      idsIn(
        `it("FO-1: a", () => {})`,
        `test("FO-2 a", { timeout: 1 }, (): void => {})`,
        `it.effect("FO-3, FO-4: a", () => Effect.void)`,
        `it.live('FO-5 and FO-6: a', f)`,
        `it.scoped(\`FO-7: \${name}\`, f)`,
        `it.effect.prop("FO-8: a", [fc.integer()], f)`,
        `it.each([1, 2])("FO-9: %s", f)`,
        "it.each`a | b`('FO-10: a', f)",
        `describe("a group", () => { for (const x of xs) { it.effect.each(cases)("FO-11: a", f) } })`,
        `it.layer(Live)("FO-12: a group", (it) => { it.effect("FO-13: a", f) })`,
        `it.skipIf(process.platform === "win32")("FO-14: a", f)`
      ),
      ["FO-1", "FO-2", "FO-3 FO-4", "FO-5 FO-6", "FO-7", "FO-8", "FO-9", "FO-10", "FO-11", "FO-13", "FO-14"]
    )
  })

  it("have the line on which the test begins", () => {
    const source = suite("// é", "const a = '\u{1F30A}'", "describe('x', () => {", "  it('FO-1: a', f)", "})")
    assert.deepStrictEqual(checks(source), [{ ids: ["FO-1"], source: source.path, line: 4 }])
  })

  it("are not comments, strings, groups, or titles that name an id later", () => {
    assert.deepStrictEqual(
      idsIn(
        `// it("FO-1: a", f)`,
        `/* it("FO-1: a", f) */`,
        `const text = 'it("FO-1: a", f)'`,
        `describe("FO-1: a", () => {})`,
        `log("FO-1: a", f)`,
        `it("a (FO-1)", f)`,
        `it("FO-1a", f)`
      ),
      []
    )
  })

  it("are not tests that prove nothing", () => {
    assert.deepStrictEqual(
      idsIn(
        `it.skip("FO-1: a", f)`,
        `it.effect.skip("FO-1: a", f)`,
        `it.todo("FO-1: a")`,
        `it("FO-1: a")`,
        `it.fails("FO-1: a", f)`,
        `it("FO-1: a", { skip: true }, f)`,
        `describe.skip("a", () => { it("FO-1: a", f) })`,
        `describe("a", { todo: true }, () => { it("FO-1: a", f) })`
      ),
      []
    )
  })

  it("name the file that cannot be parsed", () => {
    assert.throws(() => checks(suite("it(")), /packages\/core\/test\/FanOut\.test\.ts/)
  })
})

describe("the rules", () => {
  const problems = (modules: ReadonlyArray<Source>, suites: ReadonlyArray<Source>) =>
    problemsOf(gather(modules, suites))

  it("accept guarantees that are all checked", () => {
    assert.deepStrictEqual(problems([fanOut], [fanOutSuite]), [])
  })

  it("refuse a repository without guarantees", () => {
    assert.deepStrictEqual(problems([], []), ["packages/*/src/**/*.ts: no guarantee is declared"])
  })

  it("refuse a guarantee that no test checks", () => {
    assert.deepStrictEqual(problems([fanOut], [suite(`it("FO-1: a", f)`)]), [
      "packages/core/src/FanOut.ts:3: no test checks FO-2"
    ])
  })

  it("refuse a test that names an unknown id", () => {
    assert.deepStrictEqual(problems([fanOut], [fanOutSuite, suite("", `it("FO-1, FO-3: a", f)`)]), [
      'packages/core/test/FanOut.test.ts:2: the test names FO-3, which no module declares: write "@guarantee FO-3 What it promises." into the doc comment of one'
    ])
  })

  it("refuse an id that is declared twice", () => {
    const again = module("Retry", "@guarantee FO-2 Again.")
    assert.deepStrictEqual(problems([fanOut, again], [fanOutSuite]), [
      "packages/core/src/Retry.ts:2: FO-2 is declared already at packages/core/src/FanOut.ts:3"
    ])
  })

  it("refuse ids that are not consecutive from 1", () => {
    const suites = [suite(`it("FO-1, FO-3: a", f)`), suite(`it("RT-2: a", f)`)]
    const gap = module("FanOut", "@guarantee FO-1 One.", "@guarantee FO-3 Three.")
    const late = module("Retry", "@guarantee RT-2 Two.")
    assert.deepStrictEqual(problems([gap, late], suites), [
      "packages/core/src/Retry.ts:2: RT-2 is declared, but RT-1 is not",
      "packages/core/src/FanOut.ts:3: FO-3 is declared, but FO-2 is not"
    ])
  })

  it("accept ids of one series that several modules share", () => {
    const retry = module("Retry", "@guarantee RT-1 One.", "@guarantee RT-3 Three.")
    const backoff = module("Backoff", "@guarantee RT-2 Two.")
    assert.deepStrictEqual(problems([backoff, retry], [suite(`it("RT-1, RT-2, RT-3: a", f)`)]), [])
  })

  it("refuse what is no id, and a guarantee without a sentence", () => {
    assert.deepStrictEqual(problems([module("FanOut", "@guarantee FO1 One.")], [suite(`it("FO-1: a", f)`)]), [
      `packages/core/src/FanOut.ts:2: "FO1" is not an id such as FO-1`,
      "packages/core/src/FanOut.ts:2: no test checks FO1",
      'packages/core/test/FanOut.test.ts:1: the test names FO-1, which no module declares: write "@guarantee FO-1 What it promises." into the doc comment of one'
    ])
    assert.deepStrictEqual(problems([module("FanOut", "@guarantee FO-1")], [suite(`it("FO-1: a", f)`)]), [
      "packages/core/src/FanOut.ts:2: FO-1 promises nothing"
    ])
  })
})

describe("the table", () => {
  it("has a row per guarantee, with the number of tests in each suite", () => {
    const real: Source = {
      path: "packages/core/test/real/FanOut.test.ts",
      text: `it("FO-1, FO-2: a", f)\nit("FO-2: b", f)`
    }
    const declaring = module("FanOut", "@guarantee FO-1 Returns `a | b`.", "@guarantee FO-2 Never.")
    const table = render(gather([declaring], [suite(`it("FO-1: a", f)`), real]))
      .split("\n")
      .slice(-5)
    assert.deepStrictEqual(table, [
      "| id | guarantee | module | suites |",
      "|---|---|---|---|",
      "| FO-1 | Returns `a \\| b`. | [FanOut](packages/core/src/FanOut.ts) | " +
        "[core/test/FanOut.test.ts](packages/core/test/FanOut.test.ts) (1), " +
        "[core/test/real/FanOut.test.ts](packages/core/test/real/FanOut.test.ts) (1) |",
      "| FO-2 | Never. | [FanOut](packages/core/src/FanOut.ts) | " +
        "[core/test/real/FanOut.test.ts](packages/core/test/real/FanOut.test.ts) (2) |",
      ""
    ])
  })

  it("orders modules as they are read, and ids by number", () => {
    const modules = [
      module("Readiness", "@guarantee RD-1 a."),
      module("Failover", "@guarantee FV-1 a."),
      module("FanOut", ...[10, 2, 1].map((n) => `@guarantee FO-${n} a.`)),
      module("Backoff", "@guarantee RT-2 a."),
      module("Retry", "@guarantee RT-1 a."),
      module("Deadline", "@guarantee DL-1 a.")
    ]
    assert.deepStrictEqual(
      gather(modules, []).declared.map(({ id }) => id),
      ["DL-1", "RT-1", "RT-2", "FO-1", "FO-2", "FO-10", "FV-1", "RD-1"]
    )
  })
})

describe("the file", () => {
  const checkout = (sources: ReadonlyArray<Source>): string => {
    const dir = mkdtempSync(join(tmpdir(), "holdfast-guarantees-"))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    for (const { path, text } of sources) {
      mkdirSync(dirname(join(dir, path)), { recursive: true })
      writeFileSync(join(dir, path), text)
    }
    return dir
  }

  it("is stale until it is written, and again when the code changes", () => {
    const dir = checkout([fanOut, fanOutSuite])
    assert.match(checkRepository(dir).join(), /^GUARANTEES\.md:1: stale/)
    assert.deepStrictEqual(writeRepository(dir), [])
    assert.deepStrictEqual(checkRepository(dir), [])
    writeFileSync(join(dir, fanOut.path), fanOut.text.replace("Never exceeds.", "Never, ever exceeds."))
    assert.match(checkRepository(dir).join(), /^GUARANTEES\.md:12: stale/)
  })

  it("is not written when the code has a problem", () => {
    const dir = checkout([fanOut])
    assert.lengthOf(writeRepository(dir), 2)
    assert.throws(() => readFileSync(join(dir, "GUARANTEES.md")), /ENOENT/)
  })

  it("counts tests, simulation suites, real suites and suites of apps, and no other files", () => {
    const named = (path: string, id: string): Source => ({ path, text: `it("${id}: a", f)` })
    const ids = ["FO-1", "FO-2", "FO-3", "FO-4"]
    const dir = checkout([
      module("FanOut", ...ids.map((id) => `@guarantee ${id} a.`)),
      named("packages/core/test/FanOut.test.ts", "FO-1"),
      named("packages/core/sim/FanOut.sim.ts", "FO-2"),
      named("packages/core/test/real/FanOut.test.ts", "FO-3"),
      named("apps/control-room/test/broadcast.test.ts", "FO-4"),
      named("packages/core/test/helpers.ts", "FO-5"),
      named("packages/core/src/FanOut.test.ts", "FO-6")
    ])
    assert.deepStrictEqual(writeRepository(dir), [])
  })
})

describe("the repository", () => {
  it("keeps GUARANTEES.md true", () => {
    assert.strictEqual(checkRepository(root).join("\n"), "")
  })
})
