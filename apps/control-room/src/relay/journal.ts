/** Keeps what is logged, instead of showing it: a scenario looks at it, and the board shows the last line. */
import { Cause, type Layer, Logger, type LogLevel } from "effect"
import { Sequence } from "./Sequence.ts"

export interface Entry {
  readonly level: LogLevel.LogLevel
  readonly text: string
}

export interface Journal {
  readonly entries: Sequence<Entry>
  readonly layer: Layer.Layer<never>
}

export const makeJournal = (): Journal => {
  const entries = new Sequence<Entry>()
  const logger = Logger.make<unknown, void>(({ logLevel, message }) => {
    entries.push({ level: logLevel, text: textOf(message) })
  })
  return { entries, layer: Logger.layer([logger]) }
}

/** A log takes several values; causes among them are for people who look for a fault. */
const textOf = (message: unknown): string =>
  (Array.isArray(message) ? message : [message])
    .filter((part) => !Cause.isCause(part))
    .map(String)
    .join(" ")

export const textsOf = ({ entries }: Journal, pattern: RegExp): ReadonlyArray<string> =>
  entries.items.map(({ text }) => text).filter((text) => pattern.test(text))
