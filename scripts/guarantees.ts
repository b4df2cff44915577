/**
 * Generates GUARANTEES.md from the guarantees that doc comments declare and the tests that name them.
 *
 * `node scripts/guarantees.ts` writes the file, `node scripts/guarantees.ts --check` fails when it is
 * stale. Both fail when a guarantee has no check, or a check no guarantee.
 *
 * - A declaration is a tag in a doc comment of a module: `@guarantee FO-1 Returns no later than …`.
 *   The sentence goes on until the next tag or blank line.
 * - A check is a test whose title begins with ids: `it.effect("FO-1, FO-3: a hung call …", …)`.
 *   Tests that are skipped, to do, or expected to fail prove nothing and do not count.
 * - A simulation suite is a check too, of all ids in its list: `Suite.make({ guarantees: ["FO-1", "FO-3"], … })`.
 *
 * @since 0.1.0
 */
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs"
import { basename, join, sep } from "node:path"
import { parseAst } from "vite"
import { docComments, root } from "./examples.ts"

const moduleGlob = "packages/*/src/**/*.ts"
const suiteGlob = "{packages,apps}/*/{test,sim}/**/*.{test,sim}.ts"
const output = "GUARANTEES.md"

/** Modules that are read first; all others follow in alphabetical order. */
const firstModules = ["Deadline", "Backoff", "Retry", "RetryBudget", "FanOut", "Simulation"]

export interface Declaration {
  readonly id: string
  readonly sentence: string
  readonly source: string
  readonly line: number
}

/** One test, and the guarantees that its title names. */
export interface Check {
  readonly ids: ReadonlyArray<string>
  readonly source: string
  readonly line: number
}

/** A file: its path relative to the root, with slashes, and its text. */
export interface Source {
  readonly path: string
  readonly text: string
}

// ----------------------------------------------------------------------------
// Declarations
// ----------------------------------------------------------------------------

export const declarations = ({ path, text }: Source): ReadonlyArray<Declaration> => {
  const found: Array<Declaration> = []
  for (const comment of docComments(text)) {
    let open: Declaration | undefined
    for (const line of [...comment, { number: 0, text: "" }]) {
      const [, id, start = ""] = /^\s*@guarantee\b\s*(\S*)\s*(.*)$/.exec(line.text) ?? []
      const ends = id !== undefined || /^\s*(@|$)/.test(line.text)
      if (open !== undefined && ends) {
        found.push(open)
        open = undefined
      }
      if (id !== undefined) open = { id, sentence: start.trim(), source: path, line: line.number }
      else if (open !== undefined) open = { ...open, sentence: `${open.sentence} ${line.text.trim()}`.trim() }
    }
  }
  return found
}

const prefixOf = (id: string): string => id.replace(/-.*/, "")
const numberOf = (id: string): number => Number(id.replace(/.*-/, ""))
const moduleOf = (path: string): string => basename(path, ".ts")

// ----------------------------------------------------------------------------
// Checks
// ----------------------------------------------------------------------------

/** As much of an ESTree node as is needed here. */
interface Node {
  readonly type: string
  readonly start: number
  readonly [key: string]: unknown
}

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"

/** `it.effect.each(cases)` is `["it", "effect", "each"]`. */
const calleeNames = (node: unknown): ReadonlyArray<string> => {
  if (!isNode(node)) return []
  if (node.type === "Identifier") return [String(node.name)]
  if (node.type === "MemberExpression") return [...calleeNames(node.object), ...calleeNames(node.property)]
  if (node.type === "CallExpression") return calleeNames(node.callee)
  if (node.type === "TaggedTemplateExpression") return calleeNames(node.tag)
  return []
}

const disabling = new Set(["skip", "todo", "fails"])

/** `it.skip(…)` and `it("…", { skip: true }, …)`. */
const isDisabled = (names: ReadonlyArray<string>, args: ReadonlyArray<unknown>): boolean =>
  names.some((name) => disabling.has(name)) ||
  args.some(
    (arg) =>
      isNode(arg) &&
      arg.type === "ObjectExpression" &&
      (arg.properties as ReadonlyArray<Node>).some((property) =>
        calleeNames(property.key).some((name) => disabling.has(name))
      )
  )

/** The text of a string, or what stands before the first `${` of a template. */
const titleOf = (node: unknown): string => {
  if (!isNode(node)) return ""
  if (node.type === "Literal") return String(node.value)
  if (node.type !== "TemplateLiteral") return ""
  const [first] = node.quasis as ReadonlyArray<{ readonly value: { readonly cooked: string } }>
  return first?.value.cooked ?? ""
}

const idsOf = (title: string): ReadonlyArray<string> => {
  const id = "[A-Z]{2,4}-\\d+"
  const [ids = ""] = new RegExp(`^${id}(?:(?:, | and | )${id})*(?![\\w-])`).exec(title) ?? []
  return ids.match(new RegExp(id, "g")) ?? []
}

/** Suites that the tests of the simulator make up promise nothing. */
const isSuiteFile = /^packages\/[^/]+\/sim\/[^/]+\.sim\.ts$/

/** The strings in the list `guarantees` of a suite, if it is written there. */
const guaranteesOf = (options: unknown): ReadonlyArray<string> | undefined => {
  if (!isNode(options) || options.type !== "ObjectExpression") return undefined
  const property = (options.properties as ReadonlyArray<Node>).find(
    ({ key }) => calleeNames(key)[0] === "guarantees"
  )
  if (!isNode(property?.value) || property.value.type !== "ArrayExpression") return undefined
  return (property.value.elements as ReadonlyArray<unknown>).map(titleOf)
}

const parse = (path: string, text: string): unknown => {
  try {
    return parseAst(text, { lang: "ts" })
  } catch (cause) {
    throw new Error(`${path}: cannot be read as TypeScript`, { cause })
  }
}

/** Reads the syntax tree, because titles in comments and in other strings are no tests. */
export const checks = ({ path, text }: Source): ReadonlyArray<Check> => {
  const found: Array<Check> = []
  const visitCall = (node: Node): boolean => {
    const names = calleeNames(node.callee)
    const args = node.arguments as ReadonlyArray<unknown>
    const line = () => text.slice(0, node.start).split("\n").length
    if (names.join(".") === "Suite.make" && isSuiteFile.test(path)) {
      const ids = guaranteesOf(args[0])
      // Otherwise it would be left out in silence.
      if (ids === undefined) throw new Error(`${path}:${line()}: write the list of guarantees into this call`)
      if (ids.length > 0) found.push({ ids, source: path, line: line() })
      return true
    }
    const isTest = (names[0] === "it" || names[0] === "test") && !names.includes("layer")
    if (!isTest && names[0] !== "describe") return true
    if (isDisabled(names, args)) return false
    const ids = idsOf(titleOf(args[0]))
    // Without a body it is only planned.
    if (isTest && ids.length > 0 && args.length > 1) {
      found.push({ ids, source: path, line: line() })
    }
    return true
  }
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit)
    else if (isNode(value) && (value.type !== "CallExpression" || visitCall(value))) {
      Object.values(value).forEach(visit)
    }
  }
  visit(parse(path, text))
  return found
}

// ----------------------------------------------------------------------------
// The rules, and the file
// ----------------------------------------------------------------------------

/** What the code says: its declarations in the order of the file, and its checks. */
export interface Guarantees {
  readonly declared: ReadonlyArray<Declaration>
  readonly checks: ReadonlyArray<Check>
}

const rankOf = (source: string): string => {
  const module = moduleOf(source)
  const first = firstModules.indexOf(module)
  return first === -1 ? `1 ${module}` : `0 ${first}`
}

/** Groups by prefix, each where the module of its first id belongs, and sorts by number within. */
export const gather = (modules: ReadonlyArray<Source>, suites: ReadonlyArray<Source>): Guarantees => {
  const groups = Map.groupBy(modules.flatMap(declarations), ({ id }) => prefixOf(id))
  const sorted = Array.from(groups.values(), (group) =>
    group.toSorted((a, b) => numberOf(a.id) - numberOf(b.id))
  )
  const rank = (group: ReadonlyArray<Declaration>) => `${rankOf(group[0]?.source ?? "")} ${group[0]?.id}`
  return {
    declared: sorted.sort((a, b) => (rank(a) < rank(b) ? -1 : 1)).flat(),
    checks: suites.flatMap(checks)
  }
}

const at = ({ line, source }: { readonly source: string; readonly line: number }): string =>
  `${source}:${line}`

const declarationProblems = (declared: ReadonlyArray<Declaration>): ReadonlyArray<string> => {
  const problems: Array<string> = []
  const places = new Map<string, string>()
  for (const declaration of declared) {
    const { id, sentence } = declaration
    const earlier = places.get(id)
    const previous = `${prefixOf(id)}-${numberOf(id) - 1}`
    if (!/^[A-Z]{2,4}-[1-9]\d*$/.test(id)) {
      problems.push(`${at(declaration)}: "${id}" is not an id such as FO-1`)
    } else if (earlier !== undefined) {
      problems.push(`${at(declaration)}: ${id} is declared already at ${earlier}`)
    } else if (numberOf(id) > 1 && !places.has(previous)) {
      problems.push(`${at(declaration)}: ${id} is declared, but ${previous} is not`)
    }
    if (sentence === "") problems.push(`${at(declaration)}: ${id} promises nothing`)
    places.set(id, earlier ?? at(declaration))
  }
  return problems
}

/** Everything that keeps the guarantees from being what they say; nothing when the result is empty. */
export const problemsOf = ({ checks, declared }: Guarantees): ReadonlyArray<string> => {
  const known = new Set(declared.map(({ id }) => id))
  const checked = new Set(checks.flatMap(({ ids }) => ids))
  return [
    ...(declared.length > 0 ? [] : [`${moduleGlob}: no guarantee is declared`]),
    ...declarationProblems(declared),
    ...declared
      .filter(({ id }) => !checked.has(id))
      .map((declaration) => `${at(declaration)}: no test checks ${declaration.id}`),
    ...checks.flatMap((check) =>
      check.ids
        .filter((id) => !known.has(id))
        .map(
          (id) =>
            `${at(check)}: the test names ${id}, which no module declares: write "@guarantee ${id} What it promises." into the doc comment of one`
        )
    )
  ]
}

const suitesOf = (id: string, checks: ReadonlyArray<Check>): string =>
  Array.from(
    Map.groupBy(
      checks.filter(({ ids }) => ids.includes(id)),
      ({ source }) => source
    ),
    ([source, tests]) => `[${source.replace(/^(packages|apps)\//, "")}](${source}) (${tests.length})`
  ).join(", ")

export const render = ({ checks, declared }: Guarantees): string => {
  const row = ({ id, sentence, source }: Declaration) =>
    `| ${id} | ${sentence.replaceAll("|", "\\|")} | [${moduleOf(source)}](${source}) | ${suitesOf(id, checks)} |`
  return [
    "<!-- Generated by `node scripts/guarantees.ts`: change the doc comments and the tests, not this file. -->",
    "# Guarantees",
    "",
    "Each row is one promise of a module; its id stands in the module's doc comment, and at the beginning",
    "of the title of every test that checks it. The last column links the suites in which these tests are,",
    "each with their number, where a test over many cases counts once. The build fails when a promise has",
    "no test, when a test names a promise that nobody made, and when this file is not what the code says.",
    "",
    "| id | guarantee | module | suites |",
    "|---|---|---|---|",
    ...declared.map(row),
    ""
  ].join("\n")
}

/** Where the file differs first from what it should be. */
export const staleAt = (current: string, wanted: string): ReadonlyArray<string> => {
  if (current === wanted) return []
  const now = current.split("\n")
  const index = wanted.split("\n").findIndex((line, index) => line !== now[index])
  const line = index === -1 ? wanted.split("\n").length : index + 1
  return [`${output}:${line}: stale; write it with \`node scripts/guarantees.ts\``]
}

// ----------------------------------------------------------------------------
// The repository
// ----------------------------------------------------------------------------

const read = (root: string, glob: string): ReadonlyArray<Source> =>
  globSync(glob, { cwd: root })
    .map((path) => path.split(sep).join("/"))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, path), "utf8") }))

const readAll = (root: string): Guarantees => gather(read(root, moduleGlob), read(root, suiteGlob))

/** All problems of a checkout, a stale file among them. */
export const checkRepository = (root: string): ReadonlyArray<string> => {
  const guarantees = readAll(root)
  const file = join(root, output)
  const current = existsSync(file) ? readFileSync(file, "utf8") : ""
  return [...problemsOf(guarantees), ...staleAt(current, render(guarantees))]
}

/** Writes the file, unless the code has a problem; returns all problems. */
export const writeRepository = (root: string): ReadonlyArray<string> => {
  const guarantees = readAll(root)
  const problems = problemsOf(guarantees)
  if (problems.length === 0) writeFileSync(join(root, output), render(guarantees))
  return problems
}

if (import.meta.main) {
  const problems = process.argv.includes("--check") ? checkRepository(root) : writeRepository(root)
  for (const problem of problems) console.error(problem)
  process.exitCode = problems.length === 0 ? 0 : 1
}
