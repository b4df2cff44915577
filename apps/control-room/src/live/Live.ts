/** Shows batches while they run: redrawn in place on a terminal, as appended lines anywhere else. */
import { output, show } from "@holdfast/terminal/Output"
import { Context, Effect, Latch, Layer, Logger, type Stdio, Terminal } from "effect"
import { at } from "../at.ts"
import { openSection, type Section } from "./Board.ts"
import { renderBoard } from "./renderBoard.ts"
import { renderPlain } from "./renderPlain.ts"

/** One batch on the board. */
export interface Pane {
  readonly update: (change: (section: Section) => Section) => Effect.Effect<void>
}

export class Live extends Context.Service<
  Live,
  {
    /** One line above everything that is redrawn. */
    readonly say: (line: string) => Effect.Effect<void>
    readonly open: (
      title: string,
      names: ReadonlyArray<string>,
      deadlineMillis: number
    ) => Effect.Effect<Pane>
  }
>()("control-room/Live") {
  static readonly layer: Layer.Layer<Live, never, Stdio.Stdio | Terminal.Terminal> = Layer.unwrap(
    Effect.map(output, ({ interactive }) => (interactive ? redrawn : appended))
  )
}

const appended = Layer.effect(
  Live,
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal
    const say = (line: string) => Effect.provideService(show(`${line}\n`), Terminal.Terminal, terminal)
    return Live.of({
      say,
      open: (title, names, deadlineMillis) =>
        Effect.sync(() => {
          let section = openSection(title, names, deadlineMillis)
          return {
            update: (change) =>
              Effect.suspend(() => {
                const before = section
                section = change(before)
                const lines = renderPlain(before, section)
                return lines.length === 0 ? Effect.void : say(lines.join("\n"))
              })
          }
        })
    })
  })
)

/** Fast enough to look alive, slow enough not to flicker. */
const frameInterval = "80 millis"

const redrawn = Layer.unwrap(
  Effect.gen(function* () {
    const terminal = yield* Terminal.Terminal
    const { color } = yield* output
    const changed = yield* Latch.make(false)
    const sections: Array<Section> = []
    const notices: Array<string> = []
    let drawnRows = 0

    const draw = (rows: number) =>
      Effect.gen(function* () {
        const frame = renderBoard(sections, { columns: yield* terminal.columns, rows, color })
        const up = drawnRows === 0 ? "" : `\u001b[${drawnRows}A\r`
        const above = notices.splice(0)
        drawnRows = frame.length
        yield* show(`${up}${[...above, ...frame].map((line) => `${line}\u001b[K\n`).join("")}\u001b[J`)
      })

    yield* Effect.forkScoped(
      Effect.forever(
        changed.await.pipe(
          Effect.andThen(changed.close),
          Effect.andThen(Effect.flatMap(terminal.rows, draw)),
          Effect.andThen(Effect.sleep(frameInterval))
        )
      )
    )
    // The last frame has one line for each batch, and is not limited to the screen: it may scroll away.
    yield* Effect.addFinalizer(() => draw(sections.length + 1))

    const notice = (line: string) => {
      notices.push(line)
      changed.openUnsafe()
    }
    const live = Live.of({
      say: (line) => Effect.sync(() => notice(line)),
      open: (title, names, deadlineMillis) =>
        Effect.map(changed.open, () => {
          const index = sections.push(openSection(title, names, deadlineMillis)) - 1
          return {
            update: (change) =>
              Effect.suspend(() => {
                sections[index] = change(at(sections, index))
                return Effect.asVoid(changed.open)
              })
          }
        })
    })
    // A log line in the middle of a frame would tear it: it goes above the board.
    const logger = Logger.make<unknown, void>((options) => notice(Logger.formatLogFmt.log(options)))
    return Layer.merge(Layer.succeed(Live)(live), Logger.layer([logger]))
  })
)
