/** A terminal that keeps what it is told to display, for tests that read it. */
import { ConfigProvider, Effect, Layer, Stdio, Terminal } from "effect"

export const keepingTerminal = (options: {
  readonly isTerminal: boolean
  readonly columns: number
  readonly env?: Readonly<Record<string, string>>
}) => {
  const displayed: Array<string> = []
  const terminal = Terminal.make({
    columns: Effect.succeed(options.columns),
    rows: Effect.succeed(24),
    size: Effect.never,
    readInput: Effect.never,
    readLine: Effect.never,
    display: (text) => Effect.sync(() => void displayed.push(text))
  })
  const layer = Layer.mergeAll(
    Layer.succeed(Terminal.Terminal)(terminal),
    Stdio.layerTest({ stdoutIsTerminal: Effect.succeed(options.isTerminal) }),
    ConfigProvider.layer(ConfigProvider.fromUnknown(options.env ?? {}))
  )
  return { displayed, layer }
}
