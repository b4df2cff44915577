/** Whether it is certain that a transport error came before anything was sent. */
import { Predicate } from "effect"

/** How many errors are looked at, so that causes may turn in a circle. */
const maxErrors = 64

/** What only the making of a connection fails with. */
const connecting = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "UND_ERR_CONNECT_TIMEOUT"])

const connectingCalls = new Set(["connect", "getaddrinfo"])

/**
 * By the system call, where it is told: a connection that is open fails with the same codes, such as `EHOSTUNREACH` of a
 * `read` when a route is gone.
 */
const ownUnsent = (error: object): boolean | undefined => {
  const syscall = Predicate.hasProperty(error, "syscall") ? error.syscall : undefined
  if (typeof syscall === "string") return connectingCalls.has(syscall)
  const code = Predicate.hasProperty(error, "code") ? error.code : undefined
  return typeof code === "string" ? connecting.has(code) : undefined
}

const loopback: { readonly [host: string]: ReadonlyArray<string> } = { localhost: ["127.0.0.1", "::1"] }

/**
 * Whether an error is that of a connection to this very URL. `fetch` follows redirects by itself, and what the last hop
 * fails with says nothing about the first, which has had the request. A name that was resolved cannot be told from
 * another one.
 */
const isOf = (url: URL, error: object): boolean => {
  const host = url.hostname.replace(/^\[|\]$/g, "")
  if (Predicate.hasProperty(error, "hostname")) return error.hostname === host
  if (!Predicate.hasProperty(error, "address") || !Predicate.hasProperty(error, "port")) return false
  const port = url.port === "" ? (url.protocol === "https:" ? 443 : 80) : Number(url.port)
  const addresses = loopback[host] ?? [host]
  return error.port === port && typeof error.address === "string" && addresses.includes(error.address)
}

/** `fetch` throws these; other clients throw what the system has said. */
const isFetchs = (error: unknown): boolean => error instanceof TypeError

/**
 * Follows the causes to the first that tells. Where several addresses were tried (`AggregateError`), each must have
 * refused.
 */
export const unsent = (cause: unknown, url: URL | undefined): boolean => {
  let looked = 0
  const mayBeOfAnotherHop = isFetchs(cause)
  const ofThisHop = (error: object) => !mayBeOfAnotherHop || (url !== undefined && isOf(url, error))
  const walk = (error: unknown): boolean => {
    if (!Predicate.isObject(error) || ++looked > maxErrors) return false
    if (Predicate.hasProperty(error, "errors") && Array.isArray(error.errors)) {
      return error.errors.length > 0 && error.errors.every(walk)
    }
    const own = ownUnsent(error)
    if (own !== undefined) return own && ofThisHop(error)
    return Predicate.hasProperty(error, "cause") && walk(error.cause)
  }
  return walk(cause)
}
