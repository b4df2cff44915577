/** `sim planted`: how soon the simulator finds bugs that are known to be there. */
import { availableParallelism } from "node:os"
import { Effect, Queue, Schema } from "effect"
import { CliError } from "effect/cli"
import type { Row } from "./look.ts"
import { output, type Output, paint, show } from "./output.ts"
import { type Column, header, row, widest } from "./table.ts"
import { type Hand, Workers } from "./workers.ts"
