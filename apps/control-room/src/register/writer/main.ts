/** A writer, in a process of its own. It lives until its standard input closes, at the latest. */
import { run } from "./run.ts"
import { storeOf } from "./stores.ts"

run(storeOf)
