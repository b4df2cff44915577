/**
 * Ambient time, chance, timers and native promises are out of reach while a run lasts.
 *
 * A sealed function throws. Effect turns a throw into an ordinary error, so the first use is also noted with its stack,
 * and fails the run whatever the program does with the error.
 */

/** The first use of something ambient. */
export interface Use {
  readonly what: string
  readonly stack: string
}

interface Sealed {
  readonly holder: object
  readonly key: string
  readonly replacement: unknown
}

let noted: Use | undefined
let depth = 0

const refuse = (what: string): never => {
  const error = new Error(`${what} was used in a simulation`)
  if (noted === undefined) noted = { what, stack: error.stack ?? "" }
  throw error
}

const refused = (what: string) => (): never => refuse(what)

const RealDate = Date

/** Dates can be computed and parsed; only the current one is ambient. */
class SealedDate extends RealDate {
  constructor(...args: ReadonlyArray<unknown>) {
    if (args.length === 0) refuse("new Date()")
    // house: the overloads of Date's constructor cannot be spread into
    super(...(args as [number]))
  }

  static override now = refused("Date.now")
}

const sealedFunction = (holder: object, key: string, what: string): Sealed => ({
  holder,
  key,
  replacement: refused(what)
})

const sealed: ReadonlyArray<Sealed> = [
  { holder: globalThis, key: "Date", replacement: SealedDate },
  // For code that took hold of `Date` before.
  sealedFunction(RealDate, "now", "Date.now"),
  sealedFunction(Math, "random", "Math.random"),
  sealedFunction(globalThis, "setTimeout", "setTimeout"),
  sealedFunction(globalThis, "setInterval", "setInterval"),
  sealedFunction(globalThis, "setImmediate", "setImmediate"),
  sealedFunction(globalThis, "queueMicrotask", "queueMicrotask"),
  sealedFunction(globalThis, "MessageChannel", "MessageChannel"),
  sealedFunction(globalThis, "fetch", "fetch"),
  sealedFunction(process, "nextTick", "process.nextTick"),
  sealedFunction(process.hrtime, "bigint", "process.hrtime.bigint"),
  sealedFunction(Object.getPrototypeOf(performance), "now", "performance.now"),
  sealedFunction(Crypto.prototype, "getRandomValues", "crypto.getRandomValues"),
  sealedFunction(Crypto.prototype, "randomUUID", "crypto.randomUUID"),
  sealedFunction(AbortSignal, "timeout", "AbortSignal.timeout"),
  sealedFunction(Promise.prototype, "then", "a native promise")
]

const originals: Array<unknown> = []

/**
 * Seals until the returned function is called, which gives the first use.
 *
 * A run within a run is sealed already; the uses of the inner one are its own.
 */
export const seal = (): (() => Use | undefined) => {
  const outer = noted
  noted = undefined
  if (depth++ === 0) {
    for (let i = 0; i < sealed.length; i++) {
      const { holder, key, replacement } = sealed[i] as Sealed // house: within bounds; a loop without iterators
      originals[i] = Reflect.get(holder, key)
      Reflect.set(holder, key, replacement)
    }
  }
  return () => {
    if (--depth === 0) {
      for (let i = 0; i < sealed.length; i++) {
        const { holder, key } = sealed[i] as Sealed // house: within bounds; a loop without iterators
        Reflect.set(holder, key, originals[i])
      }
    }
    const use = noted
    noted = outer
    return use
  }
}
