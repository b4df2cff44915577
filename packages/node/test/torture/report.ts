/** What the torture has found, for people. */
import type { Result } from "./torment.ts"

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN

const takeovers = ({ takeoversMillis }: Result): string =>
  takeoversMillis.length === 0
    ? "nobody took over"
    : `the next one after ${median(takeoversMillis).toFixed(1)} ms at the median, ${Math.max(...takeoversMillis).toFixed(1)} ms at most`

export const render = (result: Result): string => {
  const { findings, rounds, store } = result
  const head = `${store}: killed ${rounds} times; ${takeovers(result)}; ${findings.length === 0 ? "nothing found" : "FOUND"}`
  return [
    head,
    ...findings.map(({ kind, text, where }) => `  ${kind}, ${where}: ${text.split("\n", 1).join("")}`)
  ].join("\n")
}
