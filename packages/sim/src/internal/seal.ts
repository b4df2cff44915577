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

/** A function, not an arrow, because some of what is sealed is called with `new`. */
const refused = (what: string) =>
  function refusing(): never {
    return refuse(what)
  }

const effectHash = /[\\/]effect[\\/](?:dist|src)[\\/]Hash\.[jt]s/

/**
 * `Hash.hash` gives a function a random number once for all, which decides how a HashMap with such keys is iterated.
 * A number drawn in turn would depend on the runs before this one, so all get the same, and meet in one bucket.
 */
const sealedRandom = (): number => {
  const caller = new Error().stack?.split("\n", 3)[2] ?? ""
  return effectHash.test(caller) ? 0 : refuse("Math.random")
}

// house: what is sealed has to be named once
const RealDate = Date

/** Dates can be computed and parsed; only the current one is ambient. Its instances are those of the real class. */
// house: as above
const SealedDate: typeof RealDate = new Proxy(RealDate, {
  apply: refused("Date()"),
  construct: (target, args, newTarget) =>
    args.length === 0
      ? refuse("new Date()")
      : Reflect.construct(target, args, newTarget === SealedDate ? target : newTarget)
})

const sealedFunction = (holder: object, key: string, what: string): Sealed => ({
  holder,
  key,
  replacement: refused(what)
})

const sealed: ReadonlyArray<Sealed> = [
  { holder: globalThis, key: "Date", replacement: SealedDate },
  // For code that took hold of `Date` before.
  sealedFunction(RealDate, "now", "Date.now"),
  // house: as above
  { holder: Math, key: "random", replacement: sealedRandom },
  // house: as above
  sealedFunction(process.hrtime, "bigint", "process.hrtime.bigint"),
  // house: as above
  sealedFunction(Object.getPrototypeOf(performance), "now", "performance.now"),
  sealedFunction(Crypto.prototype, "getRandomValues", "crypto.getRandomValues"),
  sealedFunction(Crypto.prototype, "randomUUID", "crypto.randomUUID"),
  // What only a synchronous run seals.
  sealedFunction(globalThis, "setTimeout", "setTimeout"),
  sealedFunction(globalThis, "setInterval", "setInterval"),
  sealedFunction(globalThis, "setImmediate", "setImmediate"),
  sealedFunction(globalThis, "MessageChannel", "MessageChannel"),
  sealedFunction(AbortSignal, "timeout", "AbortSignal.timeout"),
  sealedFunction(Promise.prototype, "then", "a native promise"),
  sealedFunction(globalThis, "queueMicrotask", "queueMicrotask"),
  sealedFunction(process, "nextTick", "process.nextTick"),
  sealedFunction(globalThis, "fetch", "fetch")
]

const originals: Array<unknown> = []

/** How much is sealed: time and chance come first, then what the event loop does. */
const extents = {
  everything: sealed.length,
  timeAndChance: sealed.findIndex(({ key }) => key === "setTimeout")
}

/**
 * Seals until the returned function is called, which gives the first use.
 *
 * A run within a run is sealed already; the uses of the inner one are its own.
 */
export const seal = (extent: keyof typeof extents = "everything"): (() => Use | undefined) => {
  const outer = noted
  const count = extents[extent]
  noted = undefined
  if (depth++ === 0) {
    for (let i = 0; i < count; i++) {
      // house: within bounds; a loop without iterators
      const { holder, key, replacement } = sealed[i] as Sealed
      originals[i] = Reflect.get(holder, key)
      Reflect.set(holder, key, replacement)
    }
  }
  return () => {
    if (--depth === 0) {
      for (let i = 0; i < count; i++) {
        // house: within bounds; a loop without iterators
        const { holder, key } = sealed[i] as Sealed
        Reflect.set(holder, key, originals[i])
      }
    }
    const use = noted
    noted = outer
    return use
  }
}
