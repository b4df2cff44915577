/** The same board as a log, for where nothing can be redrawn: one line for each thing that happens. */
import { counter, isSettled, type Section } from "./Board.ts"

/** A batch in which nothing happens says that it is alive once in this time. */
const heartbeatMillis = 5000

export const renderPlain = (before: Section, after: Section): ReadonlyArray<string> => {
  const head = `${after.title} ${counter(after)}`
  const settled = after.lines.filter(
    (line, index) => isSettled(line) && before.lines[index]?.tone !== line.tone
  )
  if (settled.length > 0) return settled.map((line) => `${head} · ${line.name}: ${line.note}`)
  return beats(after) > beats(before) ? [head] : []
}

const beats = (section: Section): number => Math.floor(section.elapsedMillis / heartbeatMillis)
