/** Sums up the last run of `pnpm test` in one line. In CI a skip without a good reason is a failure. */
import { existsSync, readFileSync } from "node:fs"

interface Report {
  readonly testResults: ReadonlyArray<{
    readonly name: string
    readonly status: string
    readonly assertionResults: ReadonlyArray<{ readonly fullName: string; readonly status: string }>
  }>
}

export interface Summary {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  /** The skipped tests whose titles say neither which other platform they are for, nor what not every machine allows. */
  readonly unexplained: ReadonlyArray<string>
}

const platforms: ReadonlyArray<readonly [title: string, platform: NodeJS.Platform]> = [
  ["(linux only)", "linux"],
  ["(macos only)", "darwin"],
  ["(windows only)", "win32"]
]

/** What needs rights that a machine may refuse. */
const needsRights = (title: string): boolean => title.includes("(where disks can be mounted)")

const isForAnother = (title: string, platform: NodeJS.Platform): boolean => {
  const named = platforms.filter(([only]) => title.includes(only))
  return named.length > 0 && named.every(([, other]) => other !== platform)
}

export const summarise = (report: Report, platform: NodeJS.Platform): Summary => {
  const tests = report.testResults.flatMap((file) => file.assertionResults)
  const passed = tests.filter((test) => test.status === "passed")
  const failed = tests.filter((test) => test.status === "failed")
  const skipped = tests.filter((test) => test.status !== "passed" && test.status !== "failed")
  // A file that cannot be loaded fails without having a test that does.
  const brokenFiles = report.testResults.filter(
    (file) => file.status === "failed" && !file.assertionResults.some((test) => test.status === "failed")
  )
  return {
    passed: passed.length,
    failed: failed.length + brokenFiles.length,
    skipped: skipped.length,
    unexplained: skipped
      .map((test) => test.fullName)
      .filter((title) => !isForAnother(title, platform) && !needsRights(title))
  }
}

const path = "node_modules/.cache/vitest.json"

const main = (): void => {
  const ran = existsSync(path)
  const report: Report = ran ? JSON.parse(readFileSync(path, "utf8")) : { testResults: [] }
  const { passed, failed, skipped, unexplained } = summarise(report, process.platform)
  const forbidden = process.env.CI === "true" ? unexplained : []
  if (!ran) console.log("the tests did not run to their end")
  for (const title of forbidden) console.log(`skipped without a reason: ${title}`)
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  if (!ran || failed > 0 || forbidden.length > 0) process.exitCode = 1
}

if (import.meta.main) main()
