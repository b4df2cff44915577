/** The side of a process that the demo has started. */
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"
import type { Told } from "./Wire.ts"

/** A clock that all processes of the machine share. */
export const nowMillis = (): number => Number(process.hrtime.bigint()) / 1e6

type Untimed = Told extends infer T ? (T extends unknown ? Omit<T, "at"> : never) : never

/** It is told when this returns, also if the process is killed the moment after. When nobody is there to hear it, it ends. */
export const tell = (told: Untimed): void => {
  try {
    writeSync(1, `${JSON.stringify({ ...told, at: nowMillis() })}\n`)
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EPIPE") process.exit()
    throw error
  }
}

/** Whoever is gone tells nothing any more: its standard input closes, however it ends. */
export const listen = <Heard>(hear: (heard: Heard) => void): void => {
  createInterface({ input: process.stdin })
    .on("line", (line) => hear(JSON.parse(line)))
    .on("close", () => process.exit())
}

/** How often a process that is stopped looks whether anybody is left to kill it. */
const lookMillis = 100

/** Blocks the event loop until the process is killed, and dies by itself when there is nobody any more who would. */
export const waitForDeath = (): never => {
  const parent = process.ppid
  const memory = new Int32Array(new SharedArrayBuffer(4))
  while (process.ppid === parent) Atomics.wait(memory, 0, 0, lookMillis)
  process.kill(process.pid, "SIGKILL")
  throw new Error("still alive")
}
