/** What a person sees while a system runs: sections, one for each batch, with a line for each server. */

export type Tone = "waiting" | "running" | "good" | "bad" | "unknown"

export interface Line {
  readonly name: string
  readonly tone: Tone
  readonly note: string
}

export interface Progress {
  readonly settled: number
  readonly total: number
  readonly elapsedMillis: number
  /** Infinity when there is none. */
  readonly deadlineMillis: number
}

export interface Section {
  readonly title: string
  readonly progress: Progress
  readonly lines: ReadonlyArray<Line>
  readonly open: boolean
}

export const openSection = (
  title: string,
  names: ReadonlyArray<string>,
  deadlineMillis: number
): Section => ({
  title,
  progress: { settled: 0, total: names.length, elapsedMillis: 0, deadlineMillis },
  lines: names.map((name) => ({ name, tone: "waiting", note: "waiting" })),
  open: true
})

export const setLine = (section: Section, index: number, change: Omit<Line, "name">): Section => ({
  ...section,
  lines: section.lines.map((line, at) => (at === index ? { name: line.name, ...change } : line))
})

/** `N/total (Xs / Ds)`, where X stops at the deadline. Without a deadline there is no D. */
export const counter = ({ deadlineMillis, elapsedMillis, settled, total }: Progress): string => {
  const deadline = deadlineMillis / 1000
  const elapsed = Math.min(Math.floor(elapsedMillis / 1000), deadline)
  return Number.isFinite(deadline)
    ? `${settled}/${total} (${elapsed}s / ${deadline}s)`
    : `${settled}/${total} (${elapsed}s)`
}

export const isSettled = (tone: Tone): boolean => tone !== "waiting" && tone !== "running"

const tones: ReadonlyArray<readonly [Tone, string]> = [
  ["good", "good"],
  ["bad", "bad"],
  ["unknown", "unknown"],
  ["running", "in flight"],
  ["waiting", "waiting"]
]

/** "3 good, 1 unknown", in a fixed order, without what there is none of. */
export const tally = (lines: ReadonlyArray<Line>): string =>
  tones
    .map(([tone, word]) => [lines.filter((line) => line.tone === tone).length, word] as const)
    .filter(([count]) => count > 0)
    .map(([count, word]) => `${count} ${word}`)
    .join(", ")
