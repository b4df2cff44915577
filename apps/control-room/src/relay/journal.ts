/** Keeps what is logged, instead of showing it: a scenario looks at it, and the board shows the last line. */
import { Cause, type Layer, Logger, type LogLevel } from "effect"
import { Sequence } from "./Sequence.ts"

export interface Entry {
  readonly level: LogLevel.LogLevel
  readonly text: string
  /** Whether a cause was logged with it, which is for people who look for a fault. */
  readonly hasCause: boolean
}

export interface Journal {
  readonly entries: Sequence<Entry>
  readonly layer: Layer.Layer<never>
}

export const makeJournal = (): Journal => {
  const entries = new Sequence<Entry>()
  const logger = Logger.make<unknown, void>(({ cause, logLevel, message }) => {
    const parts: ReadonlyArray<unknown> = Array.isArray(message) ? message : [message]
    const texts = parts.filter((part) => !Cause.isCause(part)).map(String)
    const hasCause = texts.length < parts.length || cause.reasons.length > 0
    entries.push({ level: logLevel, text: texts.join(" "), hasCause })
  })
  return { entries, layer: Logger.layer([logger]) }
}

export const textsOf = ({ entries }: Journal, pattern: RegExp): ReadonlyArray<string> =>
  entries.items.map(({ text }) => text).filter((text) => pattern.test(text))
