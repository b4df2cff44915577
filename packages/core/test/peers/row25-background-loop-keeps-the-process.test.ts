/**
 * Row 25: in viem (issue 3663) and ethers, a loop or a timer in the background goes on when everything else has ended,
 * and keeps the process alive.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"

/** Supervises one connection that is up and is probed, and one that hangs as it is made; ends after an answer of the first. */
const program = `
import { Reconnect } from "@holdfast/core"
import { Effect, Logger } from "effect"

const up = Reconnect.make({
  connect: Effect.succeed("up"),
  isLost: () => false,
  probe: { check: () => Effect.void, interval: "10 minutes", timeout: "10 minutes" }
})
const main = Effect.gen(function* () {
  const session = yield* up
  yield* Reconnect.make({ connect: Effect.never, isLost: () => false, attemptTimeout: "10 minutes" })
  console.log(yield* session.use(Effect.succeed))
})
await Effect.runPromise(Effect.scoped(main).pipe(Effect.provide(Logger.layer([]))))
`

describe("row 25", () => {
  it("a process whose connections are closed has nothing left to do, and ends", {
    timeout: 60_000
  }, async () => {
    // Given a process with connections that have timers of ten minutes
    const cwd = fileURLToPath(new URL("../..", import.meta.url))
    const args = ["--input-type=module-typescript", "--eval", program]
    // When its main program has ended
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 50_000 })
    // Then it ends by itself
    assert.strictEqual(stdout.trim(), "up")
  })
})
