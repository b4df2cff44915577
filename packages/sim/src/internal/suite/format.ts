/** A failure as a text that a person reads. */
import type { Failure, Report } from "../../Report.ts"
import type * as Trace from "../../Trace.ts"

const lastEvents = 15
const lastMessages = 8

/** An instant of virtual time, short and with its unit. */
const formatNanos = (nanos: number): string => {
  if (nanos < 1e3) return `${nanos} ns`
  if (nanos < 1e6) return `${trim(nanos / 1e3)} µs`
  if (nanos < 1e9) return `${trim(nanos / 1e6)} ms`
  if (nanos < 3600e9) return `${trim(nanos / 1e9)} s`
  return `${trim(nanos / 3600e9)} h`
}

const trim = (value: number): string => String(Math.round(value * 1000) / 1000)

const formatEvent = ({ atNanos, data, fiber, host, kind, text }: Trace.Event): string => {
  const [line] = text.split("\n")
  const phase = kind === "message" ? `${data?.phase} ` : ""
  const payload = data?.payload === undefined ? "" : `  ${data.payload}`
  return `  ${formatNanos(atNanos).padStart(11)}  ${host}${fiber === undefined ? "" : `/${fiber}`}  ${kind}: ${phase}${line}${payload}`
}

/** What fibers and messages do fills a trace and says little: of these only the last, of all others many. */
const tellingEvents = (trace: ReadonlyArray<Trace.Event>): ReadonlyArray<string> => {
  const events = trace.filter(({ kind }) => kind !== "fiber")
  const messages = new Set(
    events.filter(({ kind }) => kind === "message" || kind === "disk").slice(-lastMessages)
  )
  const others = new Set(
    events.filter(({ kind }) => kind !== "message" && kind !== "disk").slice(-lastEvents)
  )
  const lines: Array<string> = []
  let leftOut = 0
  for (const event of events) {
    if (!messages.has(event) && !others.has(event)) {
      leftOut++
      continue
    }
    if (leftOut > 0) lines.push(`  ${"…".padStart(11)}  ${plural(leftOut, "event", "events")} more`)
    leftOut = 0
    lines.push(formatEvent(event))
  }
  return lines
}

const plural = (count: number, one: string, many: string): string => `${count} ${count === 1 ? one : many}`

const schedule = ({ choices, level }: Failure): string => {
  const parts = [
    ...(choices.gap > 0 ? [plural(choices.gap, "preemption", "preemptions")] : []),
    ...(choices.pick > 0 ? [`${plural(choices.pick, "task", "tasks")} out of turn`] : []),
    ...(choices.fault > 0 ? [plural(choices.fault, "choice of the world", "choices of the world")] : []),
    ...(choices.random > 0 ? [plural(choices.random, "random number", "random numbers")] : [])
  ]
  const where =
    level === "realistic"
      ? "It happens on Effect's stock scheduler."
      : "It needs a switch that the stock scheduler only makes in a slice of over 2,048 operations, or another order than first come, first served."
  return `${parts.length === 0 ? "the calm one" : parts.join(", ")}. ${where}`
}

export const formatFailure = (failure: Failure, command: string): string =>
  [
    `${failure.suite}: ${failure.message}`,
    "",
    "The smallest scenario that was found:",
    `  workload: ${failure.workload}`,
    ...(failure.faults.length === 0
      ? ["  faults:   none"]
      : failure.faults.map((fault) => `  fault:    ${fault}`)),
    ...(failure.repeats ? [`  schedule: ${schedule(failure)}`] : []),
    ...failure.warnings.map((warning) => `  warning:  ${warning}`),
    ...lastEventsOf(failure),
    ...(failure.token === "" ? [] : ["", "Replay it:", `  SIM_REPLAY='${failure.token}' ${command}`]),
    ""
  ].join("\n")

const lastEventsOf = ({ trace, virtualMillis }: Failure): ReadonlyArray<string> => {
  const events = tellingEvents(trace)
  return events.length === 0
    ? []
    : ["", `The last events before the end at ${formatNanos(virtualMillis * 1e6)}:`, ...events]
}

export const formatUnmet = (report: Report, sentences: ReadonlyArray<string>): string =>
  [
    `${report.suite}: nothing failed in ${report.runs} runs, but they did not show what they should:`,
    ...sentences.map((sentence) => `  ${sentence}`),
    ...formatWarned(report),
    "Make more runs, or let the suite draw it more often. Of a fault: is there a host of that name, and do runs last that long? Of a guarantee: does an oracle of Check name it?"
  ].join("\n")

/** What looked wrong in runs that did not fail. */
export const formatWarned = ({ warned }: Report): ReadonlyArray<string> =>
  warned === undefined
    ? []
    : [
        `Warned in ${plural(warned.runs, "run", "runs")}, first in run ${warned.run}:`,
        ...warned.warnings.map((warning) => `  ${warning.split("\n")[0]}`)
      ]
