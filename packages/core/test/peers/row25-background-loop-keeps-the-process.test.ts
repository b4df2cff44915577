/**
 * Row 25: in viem (issue 3663) and ethers, a loop or a timer in the background goes on when everything else has ended,
 * and keeps the process alive.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { assert, describe, it } from "@effect/vitest"

/** Supervises one connection that is up and is probed, and one that hangs as it is made; ends after an answer of the first. */
const supervising = `
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

/** Watches an endpoint that is well and one whose probe hangs; ends after an answer of the first. */
const watching = `
import { Failover } from "@holdfast/core"
import { Effect, Logger } from "effect"

const main = Effect.gen(function* () {
  const pool = yield* Failover.make({
    endpoints: [Failover.endpoint("well", "client"), Failover.endpoint("hangs", "client")],
    probe: (_, id) => id === "hangs" ? Effect.never : Effect.void,
    classify: () => Failover.endpointFault,
    interval: "10 minutes",
    probeTimeout: "10 minutes",
    threshold: "10 minutes",
    attemptTimeout: "10 minutes"
  })
  console.log(yield* pool.execute((_, id) => Effect.succeed(id), { deadline: "10 minutes" }))
})
await Effect.runPromise(Effect.scoped(main).pipe(Effect.provide(Logger.layer([]))))
`

/** What a process prints that runs a program with timers of ten minutes, when it has ended by itself. */
const printedBy = async (program: string): Promise<string> => {
  const cwd = fileURLToPath(new URL("../..", import.meta.url))
  const args = ["--input-type=module-typescript", "--eval", program]
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd, timeout: 50_000 })
  return stdout.trim()
}

const timeout = 60_000

describe("row 25", () => {
  it("a process whose connections are closed has nothing left to do, and ends", { timeout }, async () => {
    assert.strictEqual(await printedBy(supervising), "up")
  })

  it("FV-4: a process whose pool is closed has nothing left to do, and ends", { timeout }, async () => {
    assert.strictEqual(await printedBy(watching), "well")
  })
})
