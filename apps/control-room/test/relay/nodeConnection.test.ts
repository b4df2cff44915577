import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit } from "effect"
import { RpcClientError } from "effect/rpc"
import { Socket } from "effect/socket"
import { brokenIsLost, isLost } from "../../src/relay/provider/nodeConnection.ts"

const broken = new Socket.SocketError({
  reason: new Socket.SocketWriteError({ cause: new Error("EPIPE") })
})

describe("the connection to the node", () => {
  it("an error of the client means that it is lost, and nothing else does", () => {
    assert.isTrue(isLost(new RpcClientError.RpcClientError({ reason: broken.reason })))
    assert.isFalse(isLost(broken))
    assert.isFalse(isLost(undefined))
  })

  it.effect("a socket that breaks while it is written to is lost, and another defect stays one", () =>
    Effect.gen(function* () {
      assert.isTrue(isLost(yield* Effect.flip(brokenIsLost(Effect.die(broken)))))
      assert.isTrue(Exit.hasDies(yield* Effect.exit(brokenIsLost(Effect.die("a bug")))))
    })
  )
})
