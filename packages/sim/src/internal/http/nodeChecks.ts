/** What HTTP of Node does not send, and the errors that it throws instead: a program that tries is broken live, too. */
import { validateHeaderName, validateHeaderValue } from "node:http"
import type { RequestHead, ResponseHead } from "./message.ts"

const token = /^[\w!#$%&'*+.^`|~-]*$/

const typeError = (code: string, message: string): TypeError =>
  Object.assign(new TypeError(message), { code })

const checkHeader = (name: string, value: string): void => {
  validateHeaderName(name)
  validateHeaderValue(name, value)
}

const checkHeaders = (headers: Readonly<Record<string, string>>): void => {
  for (const [name, value] of Object.entries(headers)) checkHeader(name, value)
}

export const checkRequest = (
  { protocol }: URL,
  { headers, method }: Pick<RequestHead, "headers" | "method">
): void => {
  if (protocol !== "http:" && protocol !== "https:") {
    throw typeError("ERR_INVALID_PROTOCOL", `Protocol "${protocol}" not supported. Expected "http:"`)
  }
  if (!token.test(method)) {
    throw typeError("ERR_INVALID_HTTP_TOKEN", `Method must be a valid HTTP token ["${method}"]`)
  }
  checkHeaders(headers)
}

export const checkResponse = ({ cookies, headers, status }: ResponseHead): void => {
  // As Effect's server does: what is below would be followed by another response.
  if (!(status >= 200 && status <= 599)) throw new RangeError(`Invalid final response status: ${status}`)
  checkHeaders(headers)
  for (const cookie of cookies) checkHeader("set-cookie", cookie)
}
