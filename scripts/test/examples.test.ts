import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { setTimeout } from "node:timers/promises"
import { afterAll, assert, beforeAll, describe, it } from "vitest"
import {
  type Example,
  extract,
  fileName,
  mapTypeErrors,
  notRun,
  problemsOf,
  type Run,
  root,
  runFile,
  typeCheck,
  writeProject
} from "../examples.ts"

const example = (code: string, options: Partial<Example> = {}): Example => ({
  source: "docs/page.md",
  fence: 10,
  code,
  run: true,
  ...options
})

const prints = (...prints: Run["prints"]): Run => ({ ...notRun, prints })

let dir = ""

beforeAll(() => {
  dir = realpathSync(mkdtempSync(join(tmpdir(), "holdfast-examples-")))
  symlinkSync(join(root, "node_modules"), join(dir, "node_modules"))
  writeFileSync(join(dir, "package.json"), `{ "type": "module" }`)
})

afterAll(() => rmSync(dir, { recursive: true }))

describe("extract", () => {
  it("finds the blocks of Markdown, each with the line of its fence", () => {
    const text = ["# Page", "", "```ts", "one()", "```", "", "```ts no-run", "two()", "", "three()", "```"]
    assert.deepStrictEqual(extract("docs/page.md", text.join("\n")), [
      example("one()", { fence: 3 }),
      example("two()\n\nthree()", { fence: 7, run: false })
    ])
  })

  it("passes over other languages, and over an example that is shown as text", () => {
    const text = ["```sh", "pnpm test", "```", "````md", "```ts", "shown()", "```", "````"]
    assert.deepStrictEqual(extract("docs/page.md", text.join("\n")), [])
  })

  it("removes the indentation of a block in a list, and keeps that of the code", () => {
    const text = ["- item", "", "  ```ts", "  if (x) {", "    y()", "  }", "  ```"]
    assert.strictEqual(extract("docs/page.md", text.join("\n"))[0]?.code, "if (x) {\n  y()\n}")
  })

  it("finds the blocks of doc comments only", () => {
    const text = [
      `const glob = "src/**"`,
      "// ```ts",
      "const text = `",
      "```ts",
      "`",
      "  /**",
      "   * Summary.",
      "   *",
      "   * ```ts",
      "   * if (x) {",
      "   *   y()",
      "   *",
      "   * }",
      "   * ```",
      "   */",
      "/** One line. */"
    ]
    assert.deepStrictEqual(extract("packages/core/src/A.ts", text.join("\r\n")), [
      example("if (x) {\n  y()\n\n}", { source: "packages/core/src/A.ts", fence: 9 })
    ])
  })

  it("refuses a block that would look checked and is not", () => {
    for (const info of ["typescript", "tsx", "ts norun", "TS"]) {
      assert.throws(
        () => extract("docs/page.md", `\n\`\`\`${info}\none()\n\`\`\``),
        /docs\/page\.md:2: write ```ts/
      )
    }
  })

  it("refuses a block that is never closed", () => {
    assert.throws(() => extract("docs/page.md", "```ts\none()"), /docs\/page\.md:1: .*never closed/)
    assert.throws(
      () => extract("A.ts", "/**\n * ```ts\n * one()\n */\n/** ``` */"),
      /A\.ts:2: .*never closed/
    )
  })
})

describe("type errors", () => {
  it("are mapped to the line of the source, with all lines of the message", () => {
    const one = example("1", { source: "packages/core/src/A.ts", fence: 5 })
    const output = [
      "packages.core.src.A.L5.ts(3,7): error TS2322: Wrong.",
      "  Because.",
      "../../../packages/core/src/B.ts(1,1): error TS1: Broken.",
      ""
    ].join("\n")
    assert.deepStrictEqual(mapTypeErrors([one], output), {
      byExample: new Map([
        ["packages.core.src.A.L5.ts", ["packages/core/src/A.ts:8: error TS2322: Wrong.\n  Because."]]
      ]),
      elsewhere: ["../../../packages/core/src/B.ts(1,1): error TS1: Broken."]
    })
  })

  it("are found in the example that has them and in no other, though both use the same names", {
    timeout: 60_000
  }, () => {
    const good = example(`import { Effect } from "effect"\nconst unused = Effect.succeed(1)`, { fence: 1 })
    const bad = example(`const name = "a"\nconst unused: number = name`, { fence: 20 })
    const noRun = example(`const name = missing()`, { fence: 30, run: false })
    const project = join(dir, "types")
    writeProject(project, [example("stale", { fence: 99 })])
    writeProject(project, [good, bad, noRun])

    const errors = typeCheck(project, [good, bad, noRun])

    assert.deepStrictEqual(errors.elsewhere, [])
    assert.deepStrictEqual([...errors.byExample.keys()].sort(), [fileName(bad), fileName(noRun)])
    assert.match(errors.byExample.get(fileName(bad))?.[0] ?? "", /^docs\/page\.md:22: error TS2322/)
    assert.match(errors.byExample.get(fileName(noRun))?.[0] ?? "", /^docs\/page\.md:31: error TS2304/)
  })

  it("are never none when the compiler could not work", { timeout: 60_000 }, () => {
    const project = join(dir, "empty")
    writeProject(project, [])
    assert.match(typeCheck(project, []).elsewhere.join(), /TS18003/)
  })
})

describe("results", () => {
  it("hold when each line prints what it says", () => {
    const code = [
      "later(() => console.log(2)) // => 2",
      "console.log(1) // => 1",
      "for (const n of [3, 4]) console.log(n)",
      "// => 3",
      "// => 4",
      "console.log(value) // => { a: 1, b: 2 }",
      "console.log('not checked')"
    ].join("\n")
    const run = prints(
      { line: 2, text: "1" },
      { line: 3, text: "3" },
      { line: null, text: "from somewhere else" },
      { line: 3, text: "4" },
      { line: 1, text: "2" },
      { line: 6, text: "{\n  a: 1,\n  b: 2\n}" },
      { line: 7, text: "not checked" }
    )
    assert.deepStrictEqual(problemsOf(example(code), run), [])
  })

  it("fail when a line prints something else, with the line of the source", () => {
    assert.deepStrictEqual(problemsOf(example("\nconsole.log(1) // => 2"), prints({ line: 2, text: "1" })), [
      "docs/page.md:12: expected 2, but it printed 1"
    ])
  })

  it("fail when a line prints nothing, or more than it says", () => {
    const one = example("console.log(1) // => 1")
    assert.deepStrictEqual(problemsOf(one, prints()), ["docs/page.md:11: expected 1, but it printed nothing"])
    assert.deepStrictEqual(problemsOf(one, prints({ line: 1, text: "1" }, { line: 1, text: "1" })), [
      "docs/page.md:11: expected 1, but it printed 1 1"
    ])
  })

  it("fail when nothing could check them", () => {
    assert.match(
      problemsOf(example("result // => 1"), prints()).join(),
      /:11: `\/\/ =>` must follow a console\.log/
    )
    assert.match(problemsOf(example("// => 1"), prints()).join(), /:11: `\/\/ =>` must follow a console\.log/)
    assert.match(
      problemsOf(example("console.log(1) // => 1", { run: false }), notRun).join(),
      /:11: nothing checks this/
    )
  })
})

describe("a run", () => {
  const run = async (name: string, code: string, boundMillis = 10_000) => {
    const subject = example(code, { source: `${name}.md` })
    writeFileSync(join(dir, fileName(subject)), code)
    const result = await runFile(join(dir, fileName(subject)), boundMillis)
    return { result, problems: problemsOf(subject, result) }
  }

  it("attributes what is printed to the line that printed it", async () => {
    const code = [
      `import { Console, Effect } from "effect"`,
      `interface Erased { readonly a: number }`,
      `const later: Promise<void> = Promise.resolve().then(() => console.log("%s!", "later")) // => later!`,
      `console.log({ a: 1 } satisfies Erased, "b") // => { a: 1 } b`,
      `Effect.runSync(Console.log("elsewhere"))`,
      `await later`
    ].join("\n")
    const { problems, result } = await run("prints", code)
    assert.deepStrictEqual(problems, [])
    assert.deepStrictEqual(result.prints, [
      { line: 4, text: "{ a: 1 } b" },
      { line: null, text: "elsewhere" },
      { line: 3, text: "later!" }
    ])
  })

  it("fails when the example throws, and names the line of the source", async () => {
    const { problems } = await run("throws", `const a = 1\nthrow new Error("broken " + a)`)
    assert.match(problems.join(), /^throws\.md:10: ended with 1\nthrows\.md:12\n[\s\S]*Error: broken 1/)
  })

  it("fails when the example waits for what never comes", async () => {
    const { problems } = await run("unsettled", `await new Promise(() => {})`)
    assert.match(problems.join(), /unsettled\.md:10: ended with 13/)
  })

  it("ends an example that hangs, whether it waits or turns in a loop", async () => {
    for (const code of [`setInterval(() => {}, 10)`, `for (;;) {}`]) {
      const { problems, result } = await run("hangs", code, 500)
      assert.strictEqual(result.status, "SIGKILL")
      assert.match(problems.join(), /hangs\.md:10: still running after/)
    }
  })

  it("ends a process that the example leaves behind", async () => {
    const code = [
      `import { spawn } from "node:child_process"`,
      `const child = spawn(process.execPath, ["-e", "setTimeout(() => {}, 60_000)"], { stdio: "ignore" })`,
      `child.unref()`,
      `console.log(child.pid)`
    ].join("\n")
    const { problems, result } = await run("leaves", code)
    assert.match(problems.join(), /leaves\.md:10: left a process behind/)
    const pid = Number(result.prints[0]?.text)
    // Killed, but perhaps not yet gone.
    for (let tries = 0; tries < 100 && isAlive(pid); tries++) await setTimeout(20)
    assert.isFalse(isAlive(pid))
  })

  it("does not wait for a process that left the group and holds the output", async () => {
    const code = [
      `import { spawn } from "node:child_process"`,
      `spawn(process.execPath, ["-e", "setTimeout(() => {}, 3_000)"], { stdio: "inherit", detached: true }).unref()`
    ].join("\n")
    assert.match((await run("escapes", code)).problems.join(), /escapes\.md:10: left a process behind/)
  })
})

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
