/** Texts that come from suites, and may be anything: for people, at a terminal or in a log. */
import { inspect } from "node:util"

const known: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" }

const escape = (character: string): string =>
  known[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`

/** Without characters that would steer the terminal. */
export const visible = (text: string): string => text.replaceAll(/[^\P{Cc}\n]/gu, escape)

/** The same, on one line. */
export const visibleLine = (text: string): string => text.replaceAll(/\p{Cc}/gu, escape)

/** What was thrown, with where it came from. */
export const printed = (thrown: unknown): string => {
  try {
    return thrown instanceof Error ? (thrown.stack ?? thrown.message) : inspect(thrown)
  } catch {
    return "something that cannot be printed"
  }
}
