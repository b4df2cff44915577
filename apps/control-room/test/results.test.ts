import { assert, describe, it } from "@effect/vitest"
import { Retry } from "@holdfast/core"
import { Cause } from "effect"
import { BadReply, ReplyLost, Unreachable } from "../src/broadcast/calls.ts"
import {
  contactsBetween,
  decide,
  type Outcome,
  type PushResult,
  pingResult,
  pushResult,
  remember,
  wantsCheck
} from "../src/broadcast/results.ts"

type Push = Outcome<"Stored" | "AlreadyPresent">

const of = { index: 0, target: "server", elapsedMillis: 1 }

const attempt = (error?: unknown) => ({
  attempt: 1,
  startedAfterMillis: 0,
  durationMillis: 1,
  cause: error === undefined ? undefined : Cause.fail(error)
})

const timeout = new Retry.AttemptTimeout({
  label: "push",
  attempt: 1,
  timeoutMillis: 8000,
  elapsedMillis: 8000
})

const url = "http://127.0.0.1:1"

const answered = (value: "Stored" | "AlreadyPresent", ...before: ReadonlyArray<unknown>): Push => ({
  ...of,
  _tag: "Answered",
  value,
  attempts: [...before.map(attempt), attempt()]
})

const failed = (...errors: ReadonlyArray<unknown>): Push => ({
  ...of,
  _tag: "Failed",
  cause: Cause.fail(errors.at(-1)),
  attempts: errors.map(attempt)
})

describe("pushResult", () => {
  it("an acknowledgement is a push", () => {
    assert.deepStrictEqual(pushResult(answered("Stored")), { _tag: "Pushed", confirmedBy: "reply" })
  })

  it("already present is an outcome of its own, to be verified", () => {
    const result = pushResult(answered("AlreadyPresent"))
    assert.deepStrictEqual(result, { _tag: "AlreadyPresent", afterLostReply: false, verified: false })
    assert.isTrue(wantsCheck(result))
  })

  it("a reply that is not the agreed one is a failure", () => {
    const result = pushResult(failed(new BadReply({ url, status: 500, body: "oops" })))
    assert.deepStrictEqual(result, { _tag: "Failed", reason: 'bad reply: 500 "oops"' })
    assert.isFalse(wantsCheck(result))
  })

  it("a connection that was never made is a failure", () => {
    const refused = Object.assign(new Error("refused"), { code: "ECONNREFUSED" })
    assert.deepStrictEqual(pushResult(failed(new Unreachable({ url, cause: refused }))), {
      _tag: "Failed",
      reason: "cannot connect: ECONNREFUSED"
    })
  })

  it("a push whose reply was lost is unknown, never failed", () => {
    const reset = Object.assign(new Error("reset"), { code: "ECONNRESET" })
    const inFlight: Push = { ...of, _tag: "TimedOut", attempts: [] }
    const outcomes = [
      failed(timeout, timeout, timeout),
      failed(timeout, new Unreachable({ url, cause: reset })),
      failed(new ReplyLost({ url, cause: reset })),
      inFlight
    ]
    assert.deepStrictEqual(
      outcomes.map((outcome) => pushResult(outcome)._tag),
      ["Unknown", "Unknown", "Unknown", "Unknown"]
    )
  })

  it("a server whose turn never came was never contacted", () => {
    assert.deepStrictEqual(pushResult({ ...of, _tag: "NotStarted" }), { _tag: "NeverContacted" })
    assert.deepStrictEqual(pushResult({ ...of, _tag: "Cancelled", started: false, attempts: [] }), {
      _tag: "NeverContacted"
    })
  })

  it("a reply cannot write control characters to the terminal", () => {
    const result = pushResult(failed(new BadReply({ url, status: 200, body: "\u001b[2Jgone" })))
    assert.deepStrictEqual(result, { _tag: "Failed", reason: 'bad reply: 200 "\\u001b[2Jgone"' })
  })
})

describe("decide", () => {
  const unknown: PushResult = { _tag: "Unknown", reason: "no reply" }

  it("a check decides what is unknown", () => {
    assert.deepStrictEqual(decide(unknown, "Held"), { _tag: "Pushed", confirmedBy: "check" })
    assert.strictEqual(decide(unknown, "NotHeld")._tag, "Failed")
  })

  it("a check that is not answered leaves it unknown", () => {
    assert.strictEqual(decide(unknown, "NoAnswer"), unknown)
  })

  it("already present after a lost reply is our own push, once a check has found it", () => {
    const result = pushResult(answered("AlreadyPresent", timeout))
    assert.deepStrictEqual(decide(result, "Held"), { _tag: "Pushed", confirmedBy: "check" })
  })

  it("a server that claims to hold it, and does not, has failed", () => {
    assert.strictEqual(decide(pushResult(answered("AlreadyPresent")), "NotHeld")._tag, "Failed")
  })

  it("already present is verified by a check", () => {
    assert.deepStrictEqual(decide(pushResult(answered("AlreadyPresent")), "Held"), {
      _tag: "AlreadyPresent",
      afterLostReply: false,
      verified: true
    })
  })
})

describe("remember", () => {
  it("only what is certainly there is not pushed again", () => {
    const entry = { name: "one", url, txs: ["00"] }
    const results: ReadonlyArray<PushResult> = [
      { _tag: "Pushed", confirmedBy: "reply" },
      { _tag: "AlreadyPresent", afterLostReply: false, verified: true },
      { _tag: "AlreadyPresent", afterLostReply: false, verified: false },
      { _tag: "Unknown", reason: "" },
      { _tag: "Failed", reason: "" }
    ]
    assert.deepStrictEqual(
      remember(
        results.map(() => entry),
        results
      ).map(({ delivered }) => delivered === true),
      [true, true, false, false, false]
    )
  })
})

describe("pingResult", () => {
  const info = { address: "bc1q", base_fee: 10, info: "hello" }

  it("a well-formed reply has status 200 with fee, address and info", () => {
    assert.deepStrictEqual(pingResult({ ...of, _tag: "Answered", value: info, attempts: [attempt()] }, 7), {
      status: 200,
      address: "bc1q",
      baseFee: 10,
      info: "hello",
      lastContactMillis: 8
    })
  })

  it("anything else is KO, with its reason, and the last contact is set", () => {
    const late = { ...timeout, timeoutMillis: 5000 }
    assert.deepStrictEqual(
      pingResult(
        { ...of, _tag: "Failed", cause: Cause.fail(new Retry.AttemptTimeout(late)), attempts: [attempt()] },
        7
      ),
      { status: "KO", reason: "no reply in 5 s", lastContactMillis: 8 }
    )
  })

  it("a server that was never contacted is not KO", () => {
    assert.deepStrictEqual(pingResult({ ...of, _tag: "NotStarted" }, 7), { status: "never contacted" })
  })

  it("contacts are counted by their times, and only where there was one", () => {
    const at = (lastContactMillis: number) => ({ status: "KO", reason: "", lastContactMillis }) as const
    const results = [at(1000), at(2000), at(3000), at(4000), { status: "never contacted" } as const]
    assert.strictEqual(contactsBetween(results, 2000, 3000), 2)
  })
})
