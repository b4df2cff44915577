/** What standard output is: a terminal that somebody watches, or a pipe, a file or a log. */
import { Config, Effect, Option, Stdio, Terminal } from "effect"

export interface Output {
  /** Whether control characters do any good: they draw the progress, and colours. */
  readonly live: boolean
  readonly columns: number
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
  const plain = dumb || (yield* isSet("NO_COLOR")) || (yield* isSet("CI"))
  return { live: isTerminal && !plain, columns: isTerminal && columns > 0 ? columns : plainColumns }
})

/** A terminal that is gone is no reason to stop: files are still to be written. */
export const show = (text: string) =>
  Effect.flatMap(Terminal.Terminal, (terminal) => Effect.ignore(terminal.display(text)))

const codes = { green: [32, 39], red: [31, 39], yellow: [33, 39], dim: [2, 22] } as const

export const paint = ({ live }: Output, colour: keyof typeof codes, text: string): string =>
  live ? `\u001b[${codes[colour][0]}m${text}\u001b[${codes[colour][1]}m` : text

/** Takes a line that is redrawn away. */
export const clearLine = "\r\u001b[2K"

/** Says what takes a moment, for as long as it does. */
export const withNote = <A, E, R>(self: Effect.Effect<A, E, R>, { live }: Output, note: string) =>
  live ? Effect.andThen(show(`${note} …`), Effect.ensuring(self, show(clearLine))) : self
