import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect, Exit, Stream } from "effect"
import { HttpClientRequest, HttpRouter, HttpServerResponse } from "effect/http"
import { serving, world } from "./http/world.ts"
import { bytes, simulate } from "./network/simulate.ts"

const respondingWith = (make: () => HttpServerResponse.HttpServerResponse) =>
  world(serving(HttpRouter.add("GET", "/", Effect.sync(make))), ({ client }) =>
    Effect.flatMap(client.get("http://api/"), (response) =>
      Effect.map(response.text, (text) => [response.status, text, response.headers.a])
    )
  )

const withHeader = (name: string, value: string) => () =>
  HttpServerResponse.text("x", { headers: { [name]: value } })

/** The defect that a request ends with. */
const defectOf = (request: HttpClientRequest.HttpClientRequest): unknown => {
  const program = world(
    serving(HttpRouter.add("*", "*", Effect.succeed(HttpServerResponse.empty()))),
    ({ client }) => Effect.exit(client.execute(request))
  )
  const { value: exit } = simulate(program)
  const reason = Exit.isFailure(exit) ? exit.cause.reasons[0] : undefined
  if (reason?._tag !== "Die" || !(reason.defect instanceof TypeError)) {
    return Exit.isFailure(exit) ? Cause.pretty(exit.cause) : exit.value.status
  }
  return `${"code" in reason.defect ? reason.defect.code : ""} ${reason.defect.message}`
}

const get = HttpClientRequest.get("http://api/")

describe("SimHttp and what Node's HTTP does not send", () => {
  it("SIM-4 a response with a status that is none is a 500", () => {
    for (const status of [999, 600, 199, 100, 42, 0, Number.NaN]) {
      for (const make of [
        () => HttpServerResponse.empty({ status }),
        () => HttpServerResponse.text("x", { status }),
        () => HttpServerResponse.stream(Stream.succeed(bytes("x")), { status })
      ]) {
        const { value } = simulate(respondingWith(make))
        assert.deepStrictEqual(value, [500, "", undefined])
      }
    }
    assert.strictEqual(
      simulate(respondingWith(() => HttpServerResponse.empty({ status: 599 }))).value[0],
      599
    )
  })

  it("SIM-4 a response with a header that cannot be sent is a 500", () => {
    for (const [name, value] of [
      ["a", "a\r\nb: c"],
      ["a", "€"],
      ["a", "\x7f"],
      ["set-cookie", "a=€"],
      ["a b", "1"],
      ["", "1"]
    ] as const) {
      assert.deepStrictEqual(simulate(respondingWith(withHeader(name, value))).value, [500, "", undefined])
    }
    for (const value of ["ü", "a\tb"]) {
      assert.deepStrictEqual(simulate(respondingWith(withHeader("a", value))).value, [200, "x", value])
    }
  })

  it("SIM-4 a request that cannot be sent is a defect, in the words of Node", () => {
    const invalid = 'ERR_INVALID_CHAR Invalid character in header content ["a"]'
    assert.strictEqual(defectOf(HttpClientRequest.setHeader(get, "a", "a\r\nb: c")), invalid)
    assert.strictEqual(defectOf(HttpClientRequest.setHeader(get, "a", "€")), invalid)
    assert.strictEqual(
      defectOf(HttpClientRequest.setHeader(get, "a b", "1")),
      'ERR_INVALID_HTTP_TOKEN Header name must be a valid HTTP token ["a b"]'
    )
    assert.strictEqual(
      // @ts-expect-error: as when the method comes from outside
      defectOf(HttpClientRequest.setMethod(get, "FOO BAR")),
      'ERR_INVALID_HTTP_TOKEN Method must be a valid HTTP token ["FOO BAR"]'
    )
    assert.strictEqual(
      defectOf(HttpClientRequest.get("ftp://api:80/")),
      'ERR_INVALID_PROTOCOL Protocol "ftp:" not supported. Expected "http:"'
    )
    assert.strictEqual(defectOf(HttpClientRequest.setHeader(get, "a", "ü")), 204)
  })
})
