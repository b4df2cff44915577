import { assert, describe, it } from "@effect/vitest"
import { summarise } from "../test-summary.ts"

const file = (status: string, tests: Record<string, string>) => ({
  name: "a.test.ts",
  status,
  assertionResults: Object.entries(tests).map(([fullName, status]) => ({ fullName, status }))
})

describe("test-summary", () => {
  it("counts the tests of all files", () => {
    const report = {
      testResults: [
        file("failed", { a: "passed", b: "failed", c: "skipped" }),
        file("passed", { d: "passed", e: "todo", f: "pending" })
      ]
    }
    const { passed, failed, skipped } = summarise(report, "linux")
    assert.deepStrictEqual({ passed, failed, skipped }, { passed: 2, failed: 1, skipped: 3 })
  })

  it("counts a file that cannot be loaded as a failure", () => {
    const report = { testResults: [file("failed", {}), file("passed", { a: "passed" })] }
    assert.strictEqual(summarise(report, "linux").failed, 1)
  })

  it("accepts a skip whose title names another platform", () => {
    const report = {
      testResults: [
        file("passed", { "pipes (windows only) closes": "skipped", "locks (macos only)": "skipped" })
      ]
    }
    assert.deepStrictEqual(summarise(report, "linux").unexplained, [])
  })

  it("accepts a skip of what needs a right that not every machine gives", () => {
    const report = {
      testResults: [file("passed", { "a full disk (where disks can be mounted)": "skipped" })]
    }
    assert.deepStrictEqual(summarise(report, "linux").unexplained, [])
  })

  it("accepts neither a skip without a platform nor one that names the platform it runs on", () => {
    const report = {
      testResults: [
        file("passed", { "too slow": "skipped", later: "todo", "signals (linux only)": "skipped" })
      ]
    }
    assert.deepStrictEqual(summarise(report, "linux").unexplained, [
      "too slow",
      "later",
      "signals (linux only)"
    ])
  })
})
