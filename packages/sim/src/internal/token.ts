/** A run as a short text. */
import type * as Choices from "../Choices.ts"
import type { Level } from "../Simulation.ts"

export interface Token {
  readonly suite: string
  readonly workload: unknown
  readonly faults: ReadonlyArray<unknown>
  readonly choices: Choices.Recording
  readonly level: Level
}

export const encode = (token: Token): string => Buffer.from(JSON.stringify(token)).toString("base64url")

export const decode = (text: string, _suite: string): Token => JSON.parse(Buffer.from(text, "base64url").toString())

export const suiteOf = (text: string): string => decode(text, "").suite
