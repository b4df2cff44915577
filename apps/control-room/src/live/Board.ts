/** What a person sees while a system runs: sections, one for each batch, with a line for each server. */

export type Tone = "waiting" | "in flight" | "good" | "bad" | "unknown"

export interface Line {
  readonly name: string
  readonly tone: Tone
  readonly note: string
}

export interface Section {
  readonly title: string
  readonly elapsedMillis: number
  /** Infinity when there is none. */
  readonly deadlineMillis: number
  readonly lines: ReadonlyArray<Line>
  readonly open: boolean
  /** What its counter counts, where that is not its lines. */
  readonly progress?: { readonly done: number; readonly of: number; readonly what: string } | undefined
}

export const openSection = (
  title: string,
  names: ReadonlyArray<string>,
  deadlineMillis: number
): Section => ({
  title,
  elapsedMillis: 0,
  deadlineMillis,
  lines: names.map((name) => ({ name, tone: "waiting", note: "waiting" })),
  open: true
})

export const setLine = (section: Section, index: number, change: Omit<Line, "name">): Section => ({
  ...section,
  lines: section.lines.map((line, at) => (at === index ? { name: line.name, ...change } : line))
})

/** A batch calls its servers in order, so many at once: the first that have not settled are those in flight. */
export const markInFlight = (section: Section, concurrency: number): Section => {
  let free = concurrency
  const mark = (line: Line): Line =>
    isSettled(line) || free-- <= 0 ? line : { name: line.name, tone: "in flight", note: "in flight" }
  return { ...section, lines: section.lines.map(mark) }
}

export const isSettled = ({ tone }: Line): boolean => tone !== "waiting" && tone !== "in flight"

/** `N/total (Xs / Ds)`, where X stops at the deadline. Without a deadline there is no D. */
export const counter = ({ deadlineMillis, elapsedMillis, lines, progress }: Section): string => {
  const deadline = deadlineMillis / 1000
  const elapsed = Math.min(Math.floor(elapsedMillis / 1000), deadline)
  const time = Number.isFinite(deadline) ? `${elapsed}s / ${deadline}s` : `${elapsed}s`
  const count =
    progress === undefined
      ? `${lines.filter(isSettled).length}/${lines.length}`
      : `${progress.done}/${progress.of} ${progress.what}`
  return `${count} (${time})`
}

const tones: ReadonlyArray<Tone> = ["good", "bad", "unknown", "in flight", "waiting"]

/** "3 good, 1 unknown", in a fixed order, without what there is none of. */
export const tally = (lines: ReadonlyArray<Line>): string =>
  tones
    .map((tone) => [lines.filter((line) => line.tone === tone).length, tone] as const)
    .filter(([count]) => count > 0)
    .map(([count, tone]) => `${count} ${tone}`)
    .join(", ")
