/**
 * Suites as tests of an ordinary vitest file.
 *
 * **Details**
 *
 * With `SIM_REPLAY` set to a token, the suite that it belongs to makes that one run again and the others are skipped.
 *
 * **Example** (A suite as a test)
 *
 * ```ts no-run
 * import { Check, Suite } from "@holdfast/sim"
 * import { it } from "@holdfast/sim/vitest"
 * import * as fc from "fast-check"
 *
 * const suite = Suite.make({
 *   name: "sums",
 *   guarantees: ["SU-1"],
 *   arbitrary: fc.array(fc.nat()),
 *   run: (numbers) => Check.always("SU-1", numbers.reduce((a, b) => a + b, 0) >= 0, "a sum is negative")
 * })
 *
 * it.sim("SU-1: a sum is never negative", suite, { runs: 200 })
 * ```
 *
 * @since 0.1.0
 */
import { basename } from "node:path"
import * as vitest from "vitest"
import { liveClock } from "./internal/liveClock.ts"
import * as Report from "./Report.ts"
import * as Suite from "./Suite.ts"

/**
 * How many runs a test makes.
 *
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** 100 by default: brief, since a campaign is what `simlab` is for. */
  readonly runs?: number | undefined
  /** 0 by default, so that a test is the same each time. */
  readonly seed?: number | undefined
  /**
   * In real milliseconds; 60,000 by default. A test that has not made all of its runs by then fails, and what failed is
   * then as small as it got.
   */
  readonly timeout?: number | undefined
}

/** Replays in this file alone: the whole of a project's tests takes its time. */
const format = (failure: Report.Failure): string => {
  const { testPath = "" } = vitest.expect.getState()
  return Report.formatFailure(failure, `npx --yes pnpm@12 test ${basename(testPath)}`.trim())
}

const replayed = (suite: Suite.Suite, token: string): void => {
  const { failed, failure } = suite.replay(token)
  if (failed) throw new Error(format(failure))
}

/** A run is one synchronous call, which no time-out of vitest ends: so time is looked at between runs. */
const checked = (suite: Suite.Suite, { runs = 100, seed = 0 }: Options, timeout: number): void => {
  const end = liveClock.currentTimeMillisUnsafe() + (timeout > 0 ? timeout : Infinity)
  const isExpired = () => liveClock.currentTimeMillisUnsafe() >= end
  const campaign = suite.campaign({ runs, seed, isExpired })
  while (!campaign.isDone && (!isExpired() || campaign.report().failures.length > 0)) campaign.advance()
  const report = campaign.report()
  const [failure] = report.failures
  if (failure !== undefined) throw new Error(format(failure))
  if (!campaign.isDone) {
    throw new Error(
      `${suite.name}: nothing failed in ${report.runs} of ${runs} runs, and then the time of ${timeout} ms was up: ` +
        "make fewer, or set a longer `timeout`"
    )
  }
  if (!Report.isGood(report)) throw new Error(Report.formatUnmet(report))
  // biome-ignore lint/suspicious/noConsole: what a test prints, vitest shows beside it
  if (report.warned !== undefined) console.warn(Report.formatWarned(report))
}

const sim = (name: string, suite: Suite.Suite, options: Options = {}): void => {
  const token = process.env.SIM_REPLAY?.trim() ?? ""
  const only = token === "" ? suite.name : Suite.nameOf(token)
  if (only !== suite.name) return vitest.it.skip(`${name} (SIM_REPLAY is for the suite "${only}")`)
  const { timeout = 60_000 } = options
  vitest.it(name, { timeout }, () =>
    token === "" ? checked(suite, options, timeout) : replayed(suite, token)
  )
}

/**
 * vitest's `it`, with `it.sim`.
 *
 * @since 0.1.0
 * @category testing
 */
export const it: vitest.TestAPI & { readonly sim: typeof sim } = Object.assign(vitest.it.extend({}), { sim })
