/** Starts a demo as a process of its own, with a process group of its own, and tells what becomes of it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { createInterface } from "node:readline"
import { onTestFinished, vi } from "vitest"

/** Processes are started, on a machine that may be very busy: only what hangs takes this long. */
export const timeout = 120_000

export interface Demo {
  readonly pid: number
  readonly lines: ReadonlyArray<string>
  /** The code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
  /** Resolves with the first line that matches; rejects when the process ends without one. */
  readonly saw: (pattern: RegExp) => Promise<RegExpExecArray>
}

/** It ends with its test, however that ends; and its servers with it, because their standard input closes. */
export const startDemo = (file: string, ...args: ReadonlyArray<string>): Demo => {
  const child = spawn(process.execPath, [file, "demo", ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"]
  })
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string)
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  const lines: Array<string> = []
  const watchers = new Set<() => void>()
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on("line", (line) => {
      lines.push(line)
      for (const watcher of watchers) watcher()
    })
  }
  const saw = (pattern: RegExp) =>
    new Promise<RegExpExecArray>((resolve, reject) => {
      const look = () => {
        for (const line of lines) {
          const match = pattern.exec(line)
          if (match === null) continue
          watchers.delete(look)
          return resolve(match)
        }
      }
      watchers.add(look)
      look()
      void ended.then((how) => reject(new Error(`ended (${how}) without ${pattern}:\n${lines.join("\n")}`)))
    })
  if (child.pid === undefined) throw new Error("the demo did not start")
  return { pid: child.pid, lines, ended, saw }
}

/** Where the servers of a demo tell what they see. */
export const serversOf = async (demo: Demo): Promise<string> =>
  (await demo.saw(/what they see: (\S+)/))[1] ?? ""

/**
 * Waits until nobody listens there any more. A process that is not our child gives no event when it ends, and its id
 * stays taken until somebody has taken note of its end; but its sockets close with it.
 */
export const gone = (url: string): Promise<void> =>
  vi.waitFor(
    async () => {
      const response = await fetch(url).catch(() => undefined)
      if (response !== undefined) throw new Error(`somebody still listens at ${url}`)
    },
    { timeout: timeout / 2, interval: 20 }
  )
