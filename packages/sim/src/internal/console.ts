/** What a program prints goes into the trace: thousands of runs would flood a terminal. */
import { Context, Fiber, Formatter } from "effect"
import type { Driver } from "./driver.ts"
import { CurrentHost } from "./host.ts"

/** That of the run which is under way. */
export const currentDriver = (): Driver | undefined => {
  const fiber = Fiber.getCurrent()
  return fiber === undefined ? undefined : Context.get(fiber.context, CurrentHost)?.driver
}

/** Who runs now, for messages. */
export const currentFiber = (): string => {
  const fiber = Fiber.getCurrent()
  const host = fiber === undefined ? undefined : Context.get(fiber.context, CurrentHost)
  return fiber === undefined || host === undefined
    ? "code outside of any fiber"
    : `${host.driver.fibers.name(fiber)} on ${host.name}`
}

const print = (...args: ReadonlyArray<unknown>): void =>
  currentDriver()?.emit(
    "log",
    args.map((arg) => (typeof arg === "string" ? arg : Formatter.format(arg))).join(" ")
  )

const quiet = (): void => {}

/** Stands for the console of Effect and for the global one, which would use what a run seals. */
export const tracedConsole: Console = Object.assign(Object.create(globalThis.console), {
  assert: (condition: boolean, ...args: ReadonlyArray<unknown>) =>
    condition ? undefined : print("Assertion failed:", ...args),
  clear: quiet,
  count: quiet,
  countReset: quiet,
  debug: print,
  dir: print,
  dirxml: print,
  error: print,
  group: print,
  groupCollapsed: print,
  groupEnd: quiet,
  info: print,
  log: print,
  table: print,
  time: quiet,
  timeEnd: quiet,
  timeLog: quiet,
  trace: print,
  warn: print
})
