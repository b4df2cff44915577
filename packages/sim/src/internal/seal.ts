/**
 * Ambient time, chance, timers and native promises are out of reach while a run lasts.
 *
 * Most sealed functions throw. Effect turns a throw into an ordinary error, so the first use is also noted with its stack,
 * and fails the run whatever the program does with the error.
 */

import { currentFiber, tracedConsole } from "./console.ts"

/** The first use of something ambient. */
export interface Use {
  readonly what: string
  /** Which fiber, on which host. */
  readonly by: string
  readonly stack: string
}

/** A function that belongs to an object. */
interface Sealed {
  readonly holder: Record<string, unknown>
  readonly key: string
  readonly replacement: unknown
}

let noted: Use | undefined
let sealedExtent: Extent | undefined

const note = (what: string): Error => {
  const error = new Error(`${what} was used in a simulation`)
  if (noted === undefined) noted = { what, by: currentFiber(), stack: placesIn(error.stack ?? "") }
  return error
}

/** Frames of the machinery say nothing about who it was. */
const machinery = /[\\/](?:effect|@effect|vitest|@vitest|sim)[\\/](?:dist|src)[\\/]|node:internal|<anonymous>/

const maxPlaces = 5

const placesIn = (stack: string): string => {
  const frames = stack.split("\n").slice(1)
  const telling = frames.filter((frame) => !machinery.test(frame))
  return (telling.length === 0 ? frames : telling).slice(0, maxPlaces).join("\n")
}

const refuse = (what: string): never => {
  throw note(what)
}

/** Takes the place of a function of any type. It is no arrow, because some of what is sealed is called with `new`. */
const refused = (what: string): never => {
  function refusing(): never {
    return refuse(what)
  }
  // house: it never returns, so it fits wherever a function is expected
  return refusing as never
}

/** `Effect.runSync` orders a microtask that it then need not wait for. */
const effectScheduler = /[\\/]effect[\\/](?:dist|src)[\\/]Scheduler\.[jt]s/

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

const RealDateTimeFormat = Intl.DateTimeFormat

/** Formats the dates that it is given; without one it would format the current. Kept ones outlive the run. */
const sealedFormat = (formatter: Intl.DateTimeFormat): Intl.DateTimeFormat => {
  const { format } = formatter
  const formatToParts = formatter.formatToParts.bind(formatter)
  const check = (date: unknown): void => {
    if (date === undefined && sealedExtent !== undefined) refuse("Intl.DateTimeFormat.format()")
  }
  return Object.defineProperties(formatter, {
    format: {
      // house: as above
      value: (date?: Date | number) => {
        check(date)
        return format(date)
      }
    },
    formatToParts: {
      // house: as above
      value: (date?: Date | number) => {
        check(date)
        return formatToParts(date)
      }
    }
  })
}

const SealedDateTimeFormat: typeof RealDateTimeFormat = new Proxy(RealDateTimeFormat, {
  apply: (target, _, args) => sealedFormat(Reflect.apply(target, undefined, args)),
  construct: (target, args, newTarget) =>
    sealedFormat(Reflect.construct(target, args, newTarget === SealedDateTimeFormat ? target : newTarget))
})

const sealedFunction = (holder: object, key: string, replacement: unknown): Sealed => ({
  // house: it is read and written by name only
  holder: holder as Record<string, unknown>,
  key,
  replacement
})

/**
 * What the web's requests and responses do with promises they do deep inside. Whoever asked for it is on the stack:
 * Effect's conversions, else the platform's own functions.
 */
const webUseIn = (stack: string): string | undefined => {
  const [, conversion, module] =
    /((?:to|from)Web(?:Handler)?)\w* \(.*[\\/]effect[\\/](?:dist|src)[\\/]http[\\/](\w+)\./.exec(stack) ?? []
  if (conversion !== undefined) return `${module}.${conversion}`
  const [, own] = /at ((?:new )?_?(?:Request|Response)\b\S*) \(node:internal\/deps\/undici/.exec(stack) ?? []
  if (own !== undefined) return own.replace("_", "")
  return /passing .*\n.*[\\/]http[\\/]HttpEffect\./.test(stack) ? "HttpEffect.fromWebHandler" : undefined
}

/**
 * Noted, and done all the same: the platform calls these from within, as when a web `Response` is made, and would take
 * a throw for an unhandled rejection, which ends the process.
 */
const passing = <Args extends ReadonlyArray<unknown>, A>(what: string, original: (...args: Args) => A) =>
  function passing(this: unknown, ...args: Args): A {
    const { stack = "" } = new Error()
    if (!effectScheduler.test(stack)) note(webUseIn(stack) ?? what)
    return Reflect.apply(original, this, args)
  }

const sealed: ReadonlyArray<Sealed> = [
  // For code that took hold of `Date` before.
  sealedFunction(RealDate, "now", refused("Date.now")),
  sealedFunction(RealDate.prototype, "constructor", SealedDate),
  sealedFunction(Intl, "DateTimeFormat", SealedDateTimeFormat),
  // house: as above
  sealedFunction(Math, "random", sealedRandom),
  // house: as above
  sealedFunction(process.hrtime, "bigint", refused("process.hrtime.bigint")),
  sealedFunction(
    process,
    "hrtime",
    Object.assign(refused("process.hrtime"), { bigint: refused("process.hrtime.bigint") })
  ),
  // house: as above
  sealedFunction(process, "uptime", refused("process.uptime")),
  sealedFunction(Atomics, "wait", refused("Atomics.wait")),
  // house: as above
  sealedFunction(Object.getPrototypeOf(performance), "now", refused("performance.now")),
  sealedFunction(Crypto.prototype, "getRandomValues", refused("crypto.getRandomValues")),
  sealedFunction(Crypto.prototype, "randomUUID", refused("crypto.randomUUID")),
  // What only a synchronous run seals.
  sealedFunction(AbortSignal, "timeout", refused("AbortSignal.timeout")),
  sealedFunction(
    ReadableStream.prototype,
    "getReader",
    passing("ReadableStream.getReader", ReadableStream.prototype.getReader)
  ),
  // Refused, it would leave rejections behind that nobody handles, which ends the process.
  sealedFunction(Promise.prototype, "then", passing("a native promise", Promise.prototype.then)),
  // house: as above
  sealedFunction(process, "nextTick", passing("process.nextTick", process.nextTick))
]

type Globals = Pick<
  typeof globalThis,
  | "console"
  | "Date"
  | "fetch"
  | "MessageChannel"
  | "queueMicrotask"
  | "setImmediate"
  | "setInterval"
  | "setTimeout"
>

const sealedGlobals: Globals = {
  console: tracedConsole,
  Date: SealedDate,
  fetch: refused("fetch"),
  MessageChannel: refused("MessageChannel"),
  // house: as above
  queueMicrotask: passing("queueMicrotask", queueMicrotask),
  setImmediate: refused("setImmediate"),
  setInterval: refused("setInterval"),
  setTimeout: refused("setTimeout")
}

const readGlobals = (): Globals => {
  // house: they are put back after the run
  const { console, Date, fetch, MessageChannel, queueMicrotask, setImmediate, setInterval, setTimeout } =
    globalThis
  // house: as above
  return { console, Date, fetch, MessageChannel, queueMicrotask, setImmediate, setInterval, setTimeout }
}

/** One by one, because a loop over keys of the global object takes several times as long as a tiny run. */
const writeGlobals = (to: Globals): void => {
  globalThis.console = to.console
  globalThis.Date = to.Date
  globalThis.fetch = to.fetch
  globalThis.MessageChannel = to.MessageChannel
  // house: nothing is called, it is only replaced
  globalThis.queueMicrotask = to.queueMicrotask
  // house: as above
  globalThis.setImmediate = to.setImmediate
  // house: as above
  globalThis.setInterval = to.setInterval
  // house: as above
  globalThis.setTimeout = to.setTimeout
}

const originals: Array<unknown> = []
let originalGlobals: Globals

/** How much is sealed: time and chance come first, then what the event loop does. */
type Extent = "everything" | "timeAndChance"

const extents: Readonly<Record<Extent, number>> = {
  everything: sealed.length,
  timeAndChance: sealed.findIndex(({ key }) => key === "timeout")
}

const close = (extent: Extent): void => {
  originalGlobals = readGlobals()
  writeGlobals(extent === "everything" ? sealedGlobals : { ...originalGlobals, Date: SealedDate })
  for (let i = 0; i < extents[extent]; i++) {
    // house: within bounds; a loop without iterators
    const { holder, key, replacement } = sealed[i] as Sealed
    originals[i] = holder[key]
    holder[key] = replacement
  }
}

const open = (extent: Extent): void => {
  writeGlobals(originalGlobals)
  for (let i = 0; i < extents[extent]; i++) {
    // house: within bounds; a loop without iterators
    const { holder, key } = sealed[i] as Sealed
    holder[key] = originals[i]
  }
}

const change = (from: Extent | undefined, to: Extent | undefined): void => {
  if (from === to) return
  if (from !== undefined) open(from)
  if (to !== undefined) close(to)
  sealedExtent = to
}

/**
 * Seals until the returned function is called, which gives the first use.
 *
 * A run within a run seals what was not sealed already; the uses of the inner one are its own.
 */
export const seal = (extent: Extent = "everything"): (() => Use | undefined) => {
  const outerUse = noted
  const outerExtent = sealedExtent
  noted = undefined
  change(outerExtent, outerExtent === "everything" ? outerExtent : extent)
  return () => {
    change(sealedExtent, outerExtent)
    const use = noted
    noted = outerUse
    return use
  }
}

/** For what a run does in real time on purpose. */
export const unsealed = <A>(evaluate: () => A): A => {
  const extent = sealedExtent
  // A synchronous run has no real time.
  if (extent !== "timeAndChance") return evaluate()
  change(extent, undefined)
  try {
    return evaluate()
  } finally {
    change(undefined, extent)
  }
}
