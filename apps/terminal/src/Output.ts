/** What standard output is: a terminal that can be redrawn, or a pipe, a file or a log. */
import { Config, Effect, Option, Stdio, Terminal } from "effect"
import type { Style } from "./text.ts"

export interface Output extends Style {
  /** Whether lines can be redrawn. */
  readonly interactive: boolean
}

/** Wide enough for a table in a log. */
const plainColumns = 110

const isSet = (name: string) =>
  Config.option(Config.String(name)).pipe(
    Effect.map((value) => Option.isSome(value) && value.value !== ""),
    Effect.orElseSucceed(() => false)
  )

export const output: Effect.Effect<Output, never, Stdio.Stdio | Terminal.Terminal> = Effect.gen(function* () {
  const terminal = yield* Terminal.Terminal
  const isTerminal = yield* (yield* Stdio.Stdio).stdoutIsTerminal
  const columns = yield* terminal.columns
  const dumb = (yield* Effect.orElseSucceed(Config.String("TERM"), () => "")) === "dumb"
  const plain = (yield* isSet("NO_COLOR")) || (yield* isSet("CI"))
  return {
    interactive: isTerminal && !dumb,
    color: isTerminal && !dumb && !plain,
    columns: isTerminal && columns > 0 ? columns : plainColumns
  }
})

/** A terminal that is gone is no reason to stop: files are still to be written. */
export const show = (text: string) =>
  Effect.flatMap(Terminal.Terminal, (terminal) => Effect.ignore(terminal.display(text)))

/** Takes a line that is redrawn away. */
export const clearLine = "\r\u001b[2K"
