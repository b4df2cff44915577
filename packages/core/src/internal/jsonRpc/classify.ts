/** Whose fault the errors of a JSON-RPC call are. */
import { HttpClientError } from "effect/http"
import { InvalidOptions } from "../../InvalidOptions.ts"
import { classifyHttp, turnedAway } from "../failover/classifyHttp.ts"
import {
  type Classify,
  callerFault,
  classifying,
  endpointFault,
  unknown,
  type Verdict
} from "../failover/verdict.ts"
import { type AnswerError, JsonRpcError, JsonRpcProtocolError } from "./errors.ts"

interface Codes {
  readonly endpointFault?: ReadonlyArray<number> | undefined
  readonly callerFault?: ReadonlyArray<number> | undefined
  readonly unknown?: ReadonlyArray<number> | undefined
}

const isReserved = (code: number): boolean => code >= -32768 && code <= -32000

/** The caller has asked for something that is no JSON-RPC, or is not there: JSON-RPC 2.0, section 5.1. */
const isCallers = (code: number): boolean => code === -32700 || (code <= -32600 && code >= -32602)

/** Sent by a gateway in place of what stands behind it, or for what has taken too long. */
const isGateways = (status: number): boolean => status === 408 || (status >= 502 && status <= 504)

const ofRefusal = (error: JsonRpcError): Verdict<JsonRpcError> => {
  const { code, status } = error
  if (turnedAway(status)) return endpointFault
  if (isCallers(code)) return callerFault(error)
  return isReserved(code) || isGateways(status) ? unknown : callerFault(error)
}

const ofHttp = (error: HttpClientError.HttpClientError): Verdict<HttpClientError.HttpClientError> =>
  // The URL is that of the node, not of the call.
  error.reason._tag === "InvalidUrlError" ? endpointFault : classifyHttp(error)

/** The codes of each verdict; one code has one verdict. */
const verdicts = ({ callerFault, endpointFault, unknown }: Codes) => {
  const result = new Map<number, Verdict["_tag"]>()
  const add = (option: keyof Codes, tag: Verdict["_tag"], codes: ReadonlyArray<number> = []) => {
    for (const code of codes) {
      const problem = !Number.isInteger(code)
        ? `must hold integers, but holds ${code}`
        : result.has(code)
          ? `holds ${code}, which has another verdict too`
          : undefined
      if (problem !== undefined) throw new InvalidOptions({ module: "JsonRpc", option, problem })
    }
    for (const code of codes) result.set(code, tag)
  }
  add("endpointFault", "EndpointFault", endpointFault)
  add("callerFault", "CallerFault", callerFault)
  add("unknown", "Unknown", unknown)
  return result
}

type Known = HttpClientError.HttpClientError | AnswerError

const isKnown = (error: unknown): error is Known =>
  HttpClientError.isHttpClientError(error) ||
  error instanceof JsonRpcError ||
  error instanceof JsonRpcProtocolError

export const classifyOf = (codes: Codes): Classify<Known, HttpClientError.HttpClientError | JsonRpcError> => {
  const known = verdicts(codes)
  return classifying<Known, HttpClientError.HttpClientError | JsonRpcError>(isKnown, (error) => {
    switch (error._tag) {
      case "HttpClientError":
        return ofHttp(error)
      case "JsonRpcProtocolError":
        return unknown
      case "JsonRpcError":
        switch (known.get(error.code)) {
          case "EndpointFault":
            return endpointFault
          case "CallerFault":
            return callerFault(error)
          case "Unknown":
            return unknown
          case undefined:
            return ofRefusal(error)
        }
    }
  })
}
