/**
 * Examples are tests. Every `ts` code block in a doc comment, in README.md and in docs/ becomes a
 * program of its own that is compiled and run; what stands behind `// =>` is what it must print.
 *
 * The rules for whoever writes an example:
 * - It is whole: it imports what it uses and ends by itself.
 * - `console.log(x) // => text` must print `text`. More lines go below, each as a comment `// => text`.
 *   Differences in white space do not count, so a value that is printed over several lines fits in one.
 * - The fence info `ts no-run` opts out of running (not of compiling), for programs that serve.
 *
 * @since 0.1.0
 */
import { spawn, spawnSync } from "node:child_process"
import {
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { basename, join, relative, sep } from "node:path"

export const root = join(import.meta.dirname, "..")

/** simlab depends on every package, so whatever an example imports resolves from here. */
export const examplesDir = join(root, "apps/simlab/.examples")

/** An example that needs longer than this hangs. Most end in half a second. */
export const runBoundMillis = 20_000

const sourceGlobs = ["README.md", "docs/**/*.md", "packages/*/README.md", "packages/*/src/**/*.ts"]

// ----------------------------------------------------------------------------
// Extraction
// ----------------------------------------------------------------------------

export interface Example {
  /** Path of the file that it stands in, relative to the root, with slashes. */
  readonly source: string
  /** Line of the opening fence. Line n of the code is line `fence + n` of the source. */
  readonly fence: number
  readonly code: string
  readonly run: boolean
}

export interface Line {
  readonly number: number
  readonly text: string
}

const linesOf = (text: string): ReadonlyArray<Line> =>
  text.split(/\r?\n/).map((text, index) => ({ number: index + 1, text }))

/** The lines of each doc comment, without the comment's own characters. */
export const docComments = (text: string): ReadonlyArray<ReadonlyArray<Line>> => {
  const comments: Array<Array<Line>> = []
  let open: Array<Line> | undefined
  for (const line of linesOf(text)) {
    // Only at the start of a line: a glob such as "src/**/*.ts" opens no comment.
    if (open === undefined && /^\s*\/\*\*/.test(line.text)) {
      open = []
      comments.push(open)
    }
    if (open === undefined) continue
    const bare = line.text.replace(/^\s*(\/\*\*|\*(?!\/)) ?/, "").replace(/\s*\*\/.*$/, "")
    open.push({ number: line.number, text: bare })
    if (line.text.includes("*/")) open = undefined
  }
  return comments
}

/** Whether a block with this fence info is an example, and whether it runs. */
const readInfo = (info: string, where: string): "run" | "compile" | "other" => {
  if (info === "ts") return "run"
  if (info === "ts no-run") return "compile"
  // A block that nobody checks must not look like one that is checked.
  if (/^(ts|tsx|mts|typescript)\b/i.test(info)) {
    throw new Error(`${where}: write \`\`\`ts or \`\`\`ts no-run, not \`\`\`${info}`)
  }
  return "other"
}

const fencedBlocks = (source: string, lines: ReadonlyArray<Line>): ReadonlyArray<Example> => {
  const examples: Array<Example> = []
  let open:
    | { readonly indent: number; readonly mark: string; readonly info: string; readonly fence: number }
    | undefined
  let code: Array<string> = []
  for (const { number, text } of lines) {
    const [, indent = "", mark = "", info = ""] = /^(\s*)(`{3,}|~{3,})\s*([^`]*?)\s*$/.exec(text) ?? []
    if (open === undefined) {
      if (mark !== "") open = { indent: indent.length, mark, info, fence: number }
      code = []
    } else if (mark.startsWith(open.mark) && info === "") {
      const kind = readInfo(open.info, `${source}:${open.fence}`)
      if (kind !== "other") {
        examples.push({ source, fence: open.fence, code: code.join("\n"), run: kind === "run" })
      }
      open = undefined
    } else {
      code.push(text.replace(new RegExp(`^\\s{0,${open.indent}}`), ""))
    }
  }
  if (open !== undefined) throw new Error(`${source}:${open.fence}: this code block is never closed`)
  return examples
}

/** All examples of one file, which is Markdown or TypeScript. */
export const extract = (source: string, text: string): ReadonlyArray<Example> =>
  source.endsWith(".md")
    ? fencedBlocks(source, linesOf(text))
    : docComments(text).flatMap((lines) => fencedBlocks(source, lines))

/** All examples of the repository, in the order of their paths. */
export const collect = (root: string): ReadonlyArray<Example> =>
  globSync(sourceGlobs, { cwd: root })
    .map((path) => path.split(sep).join("/"))
    .sort()
    .flatMap((path) => extract(path, readFileSync(join(root, path), "utf8")))

// ----------------------------------------------------------------------------
// Compilation
// ----------------------------------------------------------------------------

/** `packages/core/src/FanOut.ts`, line 42, becomes `packages.core.src.FanOut.L42.ts`. */
export const fileName = (example: Example): string =>
  `${example.source.replace(/\.\w+$/, "").replaceAll("/", ".")}.L${example.fence}.ts`

/** Writes the examples and a project for them, and deletes what an earlier run left there. */
export const writeProject = (dir: string, examples: ReadonlyArray<Example>): void => {
  const compilerOptions = {
    // An example may declare something only to show its form.
    noUnusedLocals: false,
    noUnusedParameters: false
  }
  const extended = relative(dir, join(root, "tsconfig.base.json")).split(sep).join("/")
  const files = new Map([
    [".gitignore", "*\n"],
    ["tsconfig.json", JSON.stringify({ extends: extended, compilerOptions, include: ["*.ts"] })],
    ...examples.map((example) => [fileName(example), example.code] as const)
  ])
  mkdirSync(dir, { recursive: true })
  for (const name of readdirSync(dir)) {
    if (!files.has(name)) rmSync(join(dir, name), { recursive: true })
  }
  for (const [name, content] of files) {
    const path = join(dir, name)
    // An untouched file cannot be read half-written by a second run in the same checkout.
    if (!existsSync(path) || readFileSync(path, "utf8") !== content) writeFileSync(path, content)
  }
}

export interface TypeErrors {
  /** By file name of the example. The messages carry the place in the source. */
  readonly byExample: ReadonlyMap<string, ReadonlyArray<string>>
  /** What no example is to blame for: a broken package, or a compiler that did not start. */
  readonly elsewhere: ReadonlyArray<string>
}

/** Assigns what `tsc --pretty false` printed to the lines of the doc comments. */
export const mapTypeErrors = (examples: ReadonlyArray<Example>, output: string): TypeErrors => {
  const named = new Map(examples.map((example) => [fileName(example), example]))
  const byExample = new Map<string, Array<string>>()
  const elsewhere: Array<string> = []
  // A message goes on in indented lines.
  for (const message of output.split(/\n(?!\s)/).filter((message) => message.trim() !== "")) {
    const [, file = "", line = "", rest = ""] = /^([^()\n]+)\((\d+),\d+\): (.*)$/s.exec(message) ?? []
    const example = named.get(file)
    if (example === undefined) {
      elsewhere.push(message.trimEnd())
    } else {
      const place = `${example.source}:${example.fence + Number(line)}`
      byExample.set(file, [...(byExample.get(file) ?? []), `${place}: ${rest.trimEnd()}`])
    }
  }
  return { byExample, elsewhere }
}

/** Type-checks a directory that {@link writeProject} wrote. */
export const typeCheck = (dir: string, examples: ReadonlyArray<Example>): TypeErrors => {
  const tsc = join(root, "node_modules/typescript/bin/tsc")
  const result = spawnSync(process.execPath, [tsc, "-p", "tsconfig.json", "--pretty", "false"], {
    cwd: dir,
    encoding: "utf8"
  })
  const errors = mapTypeErrors(examples, result.stdout)
  if (result.status === 0 || errors.byExample.size + errors.elsewhere.length > 0) return errors
  return { ...errors, elsewhere: [`tsc ended with ${result.status ?? result.signal}: ${result.stderr}`] }
}

// ----------------------------------------------------------------------------
// Results
// ----------------------------------------------------------------------------

export interface Run {
  /** What `console.log` printed, and on which line of the example it was called. */
  readonly prints: ReadonlyArray<{ readonly line: number | null; readonly text: string }>
  readonly end: "ended" | "hung" | "left a process behind"
  /** The exit code, or the signal that ended it. */
  readonly status: number | string
  readonly stderr: string
}

interface Expectation {
  readonly line: number
  /** Line of the `console.log(` that must print it, if there is one. */
  readonly log: number | undefined
  readonly text: string
}

const expectations = (code: string): ReadonlyArray<Expectation> => {
  const found: Array<Expectation> = []
  let log: number | undefined
  for (const { number, text } of linesOf(code)) {
    const [, before = text, expected] = /^(.*?)\/\/ ?=> ?(.*)$/.exec(text) ?? []
    // A comment on a line of its own continues what stands above it.
    if (expected === undefined || before.trim() !== "") {
      log = before.includes("console.log(") ? number : undefined
    }
    if (expected !== undefined) found.push({ line: number, log, text: expected })
  }
  return found
}

const oneLine = (text: string): string => text.replace(/\s+/g, " ").trim()

const wrongResults = (example: Example, run: Run): ReadonlyArray<string> =>
  Array.from(Map.groupBy(expectations(example.code), ({ log }) => log)).flatMap(([log, expected]) => {
    const place = `${example.source}:${example.fence + (expected[0]?.line ?? 0)}`
    if (log === undefined) return [`${place}: \`// =>\` must follow a console.log(…) on the same line`]
    if (!example.run) return [`${place}: nothing checks this \`// =>\`, the example does not run`]
    const wanted = oneLine(expected.map(({ text }) => text).join("\n"))
    const prints = run.prints.filter(({ line }) => line === log).map(({ text }) => text)
    const printed = oneLine(prints.join("\n"))
    if (prints.length > 0 && printed === wanted) return []
    return [`${place}: expected ${wanted}, but it printed ${prints.length > 0 ? printed : "nothing"}`]
  })

/** Stack traces speak of the written file; the reader has the source. */
const inSource = (example: Example, text: string): string =>
  text.replace(/[^\s("'`]*\/([^/\s]+\.ts):(\d+)/g, (whole, file: string, line: string) =>
    file === fileName(example) ? `${example.source}:${example.fence + Number(line)}` : whole
  )

/** What is wrong with a run of this example; nothing when the result is empty. */
export const problemsOf = (example: Example, run: Run): ReadonlyArray<string> => {
  const place = `${example.source}:${example.fence}`
  const problems = [...wrongResults(example, run)]
  if (run.end === "hung") {
    problems.push(`${place}: still running after ${runBoundMillis} ms, so it was killed`)
  } else if (run.status !== 0) {
    problems.push(`${place}: ended with ${run.status}\n${inSource(example, run.stderr)}`)
  }
  if (run.end === "left a process behind") problems.push(`${place}: left a process behind`)
  return problems
}

/** The run of an example that opted out. */
export const notRun: Run = { prints: [], end: "ended", status: 0, stderr: "" }

// ----------------------------------------------------------------------------
// Runs
// ----------------------------------------------------------------------------

/** Whether there was somebody to kill. */
const killGroup = (leader: number): boolean => {
  try {
    return process.kill(-leader, "SIGKILL")
  } catch {
    return false
  }
}

/** Begins each line of standard output that is a record: no example prints this by itself. */
const printMark = "\u0001print "

const readPrints = (stdout: string): Run["prints"] =>
  stdout
    .split("\n")
    .filter((line) => line.startsWith(printMark))
    .map((line) => JSON.parse(line.slice(printMark.length)))

/**
 * Runs one example in a process of its own, which leads a process group: whatever it hangs in, and
 * whatever it started, is gone afterwards.
 */
export const runFile = (path: string, boundMillis: number): Promise<Run> => {
  const { promise, resolve, reject } = Promise.withResolvers<Run>()
  const preload = join(import.meta.dirname, "examples-preload.ts")
  const child = spawn(process.execPath, ["--import", preload, realpathSync(path)], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    // The same surroundings on every machine, and nothing of the test runner's.
    env: { PATH: process.env.PATH, TZ: "UTC", EXAMPLE_PRINT_MARK: printMark }
  })
  let stdout = ""
  let stderr = ""
  let end: Run["end"] = "ended"
  child.stdout?.setEncoding("utf8").on("data", (chunk: string) => (stdout += chunk))
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => (stderr += chunk))

  const leader = child.pid
  if (leader === undefined) {
    child.once("error", reject)
    return promise
  }
  let timer = setTimeout(() => {
    end = "hung"
    killGroup(leader)
  }, boundMillis)
  const leftBehind = () => {
    if (end === "ended") end = "left a process behind"
  }
  child.once("exit", () => {
    clearTimeout(timer)
    if (killGroup(leader)) leftBehind()
    // A process that left the group is out of reach, but it shows when it holds the output open.
    timer = setTimeout(() => {
      leftBehind()
      child.stdout?.destroy()
      child.stderr?.destroy()
    }, 1_000)
  })
  child.once("close", (code, signal) => {
    clearTimeout(timer)
    resolve({ prints: readPrints(stdout), end, status: code ?? signal ?? "no status", stderr })
  })
  return promise
}

/** Runs an example that {@link writeProject} wrote to `dir`. */
export const runExample = (dir: string, example: Example): Promise<Run> =>
  example.run ? runFile(join(dir, basename(fileName(example))), runBoundMillis) : Promise.resolve(notRun)
