/** `simlab planted`: how soon the simulator finds bugs that are known to be there. */
import { Effect, Terminal } from "effect"

export const planted = Effect.flatMap(Terminal.Terminal, (terminal) => terminal.display("\n"))
