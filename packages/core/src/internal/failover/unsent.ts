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

/**
 * Follows the causes to the first that tells. Where several addresses were tried (`AggregateError`), each must have
 * refused.
 */
export const unsent = (cause: unknown): boolean => {
  let looked = 0
  const walk = (error: unknown): boolean => {
    if (!Predicate.isObject(error) || ++looked > maxErrors) return false
    if (Predicate.hasProperty(error, "errors") && Array.isArray(error.errors)) {
      return error.errors.length > 0 && error.errors.every(walk)
    }
    return ownUnsent(error) ?? (Predicate.hasProperty(error, "cause") && walk(error.cause))
  }
  return walk(cause)
}
