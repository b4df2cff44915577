/** A command that writes for as long as it is let. */
import { Effect } from "effect"
import { Command } from "effect/cli"
import { show } from "../src/Output.ts"
import { runMain } from "../src/runMain.ts"

runMain(Command.make("endless", {}, () => Effect.forever(Effect.andThen(show("more\n"), Effect.sleep(10)))))
