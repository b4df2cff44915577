import { assert, describe, it } from "@effect/vitest"
import { violations } from "../house-rules.ts"

const rulesIn = (path: string, text: string) =>
  violations(path, text).map(({ rule, line }) => `${rule}:${line}`)

const inSource = (text: string) => rulesIn("packages/core/src/Module.ts", text)
const inInternal = (text: string) => rulesIn("packages/core/src/internal/module.ts", text)
const inTest = (text: string) => rulesIn("packages/core/test/Module.test.ts", text)

describe("house-rules", () => {
  it.for([
    ["time", "Date.now()"],
    ["time", "const now = globalThis.Date.now"],
    ["time", "self.Date.now()"],
    ["time", "DateTime.nowUnsafe()"],
    ["world", "const { now } = Date"],
    ["world", "const D = Date"],
    ["world", "const text = Date()"],
    ["world", "const origin = performance.timeOrigin"],
    ["time", 'Date["now"]()'],
    ["time", "new Date()"],
    ["time", "performance.now()"],
    ["time", "process.hrtime.bigint()"],
    ["chance", "Math.random()"],
    ["chance", "crypto.randomUUID()"],
    ["chance", "globalThis.crypto.getRandomValues(bytes)"],
    ["timers", "setTimeout(f, 1)"],
    ["timers", "globalThis.setInterval(f, 1)"],
    ["timers", "const timers = { setImmediate }"],
    ["timers", "process.nextTick(f)"],
    ["timers", "queueMicrotask(f)"],
    ["run", "Effect.runSync(effect)"],
    ["run", "Effect.runForkWith(context)(effect)"],
    ["run", "runPromiseExit(effect)"],
    ["imports", 'import { setTimeout as later } from "node:timers/promises"'],
    ["imports", 'export * from "crypto"'],
    ["imports", 'const { performance } = await import("node:perf_hooks")'],
    ["any", "const f = (x: any) => x"],
    ["any", "type Loose = Array<any>"],
    ["cast", "const a = b as string"],
    ["cast", "const a = <string>b"]
  ] as const)("reports %s in `%s`", ([rule, code]) => {
    assert.deepStrictEqual(inSource(`\n${code}\n`), [`${rule}:2`])
  })

  it.for([
    "// Date.now() and setTimeout",
    "/** `Math.random()` as any */",
    'const text = "Effect.runSync(x) as any"',
    `const text = \`Date.now() \${name}\``,
    "const pattern = /setTimeout/",
    "const pair = [1, 2] as const",
    "const day = new Date(0)",
    "Stream.runDrain(stream)",
    "Clock.currentTimeMillis",
    'import { timeout as setTimeout } from "./timeout.ts"',
    "interface Timers { readonly setTimeout: () => void }",
    "let handle: ReturnType<typeof setTimeout>",
    "const data = value satisfies string"
  ])("accepts `%s`", (code) => {
    assert.deepStrictEqual(inSource(code), [])
  })

  it("reads past the holes of a template", () => {
    assert.deepStrictEqual(inSource(`\`a\${Date.now()}b\``), ["time:1"])
  })

  it("wants a reason directly above, in internal modules", () => {
    assert.deepStrictEqual(inInternal("Date.now()"), ["time:1"])
    assert.deepStrictEqual(inInternal("// house:\nDate.now()"), ["time:2"])
    assert.deepStrictEqual(inInternal("// house: a reason\n\nDate.now()"), ["time:3"])
    assert.deepStrictEqual(inInternal("// house: a reason\nDate.now()"), [])
    assert.deepStrictEqual(inInternal("// house: a reason\n// of two lines\nconst a = b as any"), [])
  })

  it("takes no reason in public modules", () => {
    assert.deepStrictEqual(inSource("// house: a reason\nDate.now()"), ["time:2"])
  })

  it("lets tests use the real world, but neither any nor casts", () => {
    assert.deepStrictEqual(inTest("Date.now()\nEffect.runSync(a)\nb as any"), ["cast:3", "any:3"])
  })
})
