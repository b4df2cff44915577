/** The side of a process that a test has started: see `Child`. */
import { writeSync } from "node:fs"
import { createInterface } from "node:readline"

/** Hears what it is told, and ends when nobody is there any more to tell it something. */
export const listen = <Heard>(hear: (heard: Heard) => void): void => {
  createInterface({ input: process.stdin })
    .on("line", (line) => hear(JSON.parse(line)))
    .on("close", () => process.exit())
}

/** Written when this returns, so that it is told also by who dies at once. */
export const tell = (told: unknown): void => {
  writeSync(1, `${JSON.stringify(told)}\n`)
}

/** Blocks the event loop. */
export const block = (millis: number): void => {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis)
}

/** Dies as by `kill -9`, and does nothing any more. */
export const die = (): never => {
  process.kill(process.pid, "SIGKILL")
  block(Number.POSITIVE_INFINITY)
  throw new Error("still alive")
}
