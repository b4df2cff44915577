/** The rules of the house that no linter knows: see CONTRIBUTING.md. */
import { globSync, readFileSync } from "node:fs"
import ts from "typescript-6"

export interface Violation {
  readonly line: number
  readonly rule: string
  readonly found: string
  readonly instead: string
}

interface Ban {
  readonly rule: string
  readonly found: RegExp
  readonly instead: string
}

/** The distinctive names are banned on any object, and bare, so that an import or an alias does not hide them. */
const bannedNames: ReadonlyArray<Ban> = [
  { rule: "time", found: /(^|\.)nowUnsafe$/, instead: "DateTime.now" },
  { rule: "time", found: /(^|\.)Date\.now$/, instead: "Clock.currentTimeMillis" },
  { rule: "time", found: /(^|\.)performance\.now$/, instead: "Clock.monotonicTimeNanos" },
  { rule: "time", found: /(^|\.)hrtime$/, instead: "Clock.monotonicTimeNanos" },
  { rule: "chance", found: /(^|\.)Math\.random$/, instead: "the Random service" },
  { rule: "chance", found: /(^|\.)(randomUUID|getRandomValues)$/, instead: "the Random service" },
  { rule: "timers", found: /(^|\.)set(Timeout|Interval|Immediate)$/, instead: "Effect.sleep or a Schedule" },
  { rule: "timers", found: /(^|\.)(nextTick|queueMicrotask)$/, instead: "Effect.yieldNow" },
  {
    rule: "run",
    found: /(^|\.)run(Callback|Fork|Promise|Sync)(Exit)?(With)?$/,
    instead: "an effect that is returned, for the application to run"
  }
]

/** Globals through which the world is read. */
const ambient = new Set(["Date", "performance", "Math"])

const harmless = /^(Date\.(UTC|parse)|Math\.(?!random$)\w+)$/

/** `Math.max(…)`, `new Date(millis)`, `x instanceof Date`; and what the bans by name see anyway. */
const isPlainUse = (node: ts.Identifier): boolean => {
  const { parent } = node
  if (ts.isNewExpression(parent) && parent.expression === node) return true
  if (ts.isBinaryExpression(parent) && parent.operatorToken.kind === ts.SyntaxKind.InstanceOfKeyword)
    return true
  // `globalThis.Date`: what stands around it is looked at by name.
  if (ts.isPropertyAccessExpression(parent) && parent.name === node) return true
  if (!ts.isPropertyAccessExpression(parent) && !ts.isElementAccessExpression(parent)) return false
  const name = dotted(parent)
  return harmless.test(name) || bannedNames.some(({ found }) => found.test(name))
}

const bannedModules = /^(node:)?(timers|crypto|perf_hooks)(\/|$)/

/** `a.b.c`; what is neither a name nor a constant key reads `?`. */
const dotted = (node: ts.Node): string => {
  if (ts.isIdentifier(node)) return node.text
  if (ts.isPropertyAccessExpression(node)) return `${dotted(node.expression)}.${node.name.text}`
  if (ts.isElementAccessExpression(node) && ts.isStringLiteralLike(node.argumentExpression)) {
    return `${dotted(node.expression)}.${node.argumentExpression.text}`
  }
  return "?"
}

/** Whether the identifier stands for a value, rather than naming a declaration, a property or a type. */
const isReference = (node: ts.Identifier): boolean => {
  const parent = node.parent
  if (ts.isShorthandPropertyAssignment(parent)) return true
  if (ts.isTypeQueryNode(parent) || ts.isQualifiedName(parent)) return false
  return (
    !("name" in parent && parent.name === node) && !("propertyName" in parent && parent.propertyName === node)
  )
}

const isModuleName = (node: ts.StringLiteral): boolean =>
  ts.isImportDeclaration(node.parent) ||
  ts.isExportDeclaration(node.parent) ||
  (ts.isCallExpression(node.parent) && node.parent.expression.kind === ts.SyntaxKind.ImportKeyword)

const isConst = (type: ts.TypeNode): boolean =>
  ts.isTypeReferenceNode(type) && ts.isIdentifier(type.typeName) && type.typeName.text === "const"

type Finding = Omit<Violation, "line">

const worldFinding = (node: ts.Node): Finding | undefined => {
  if (ts.isStringLiteral(node) && isModuleName(node) && bannedModules.test(node.text)) {
    return { rule: "imports", found: `import of ${node.text}`, instead: "the Clock and Random services" }
  }
  if (
    ts.isNewExpression(node) &&
    /^(globalThis\.)?Date$/.test(dotted(node.expression)) &&
    !node.arguments?.length
  ) {
    return { rule: "time", found: "new Date()", instead: "DateTime.now" }
  }
  // Handed on, aliased, taken apart or called, `Date` and its like are the world by another name.
  if (ts.isIdentifier(node) && ambient.has(node.text) && isReference(node) && !isPlainUse(node)) {
    return { rule: "world", found: `${node.text} as a value`, instead: "the Clock and Random services" }
  }
  if (
    ts.isPropertyAccessExpression(node) ||
    ts.isElementAccessExpression(node) ||
    (ts.isIdentifier(node) && isReference(node))
  ) {
    const name = dotted(node)
    const ban = bannedNames.find(({ found }) => found.test(name))
    return ban && { rule: ban.rule, found: name, instead: ban.instead }
  }
  return undefined
}

const typeFinding = (node: ts.Node): Finding | undefined => {
  if (node.kind === ts.SyntaxKind.AnyKeyword)
    return { rule: "any", found: "any", instead: "unknown or a type parameter" }
  if (ts.isAsExpression(node) && isConst(node.type)) return undefined
  if (ts.isAsExpression(node) || ts.isTypeAssertionExpression(node)) {
    return { rule: "cast", found: "a cast", instead: "a type guard, satisfies, or an annotation" }
  }
  return undefined
}

/** A reason is a `// house: …` in the block of line comments directly above. */
const hasReason = (lines: ReadonlyArray<string>, line: number): boolean => {
  for (let above = line - 2; lines[above]?.trimStart().startsWith("//"); above--) {
    if (/^\s*\/\/ house: \S/.test(lines[above] ?? "")) return true
  }
  return false
}

/** What a file under `packages/` (its path is relative to the root, with slashes) does against the rules. */
export const violations = (path: string, text: string): ReadonlyArray<Violation> => {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const isInternal = path.includes("/src/internal/")
  const isSource = /^packages\/[^/]+\/src\//.test(path)
  const lines = text.split("\n")
  const result: Array<Violation> = []
  const visit = (node: ts.Node): void => {
    const finding = typeFinding(node) ?? (isSource ? worldFinding(node) : undefined)
    if (finding !== undefined) {
      const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1
      if (!isInternal) result.push({ line, ...finding })
      else if (!hasReason(lines, line)) {
        result.push({
          line,
          ...finding,
          instead: `${finding.instead}, or a reason directly above: // house: …`
        })
      }
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return result
}

if (import.meta.main) {
  const found = globSync("packages/*/{src,test,sim,typetest}/**/*.ts")
    .map((path) => path.replaceAll("\\", "/"))
    .sort()
    .flatMap((path) =>
      violations(path, readFileSync(path, "utf8")).map((violation) => ({ path, ...violation }))
    )
  for (const { path, line, rule, found: what, instead } of found) {
    console.error(`${path}:${line} house/${rule}: ${what}; use ${instead}`)
  }
  if (found.length > 0) process.exit(1)
}
