/** Starts a demo as a process of its own, with a process group of its own, and tells what becomes of it. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { connect, type Socket } from "node:net"
import { createInterface } from "node:readline"
import { setTimeout as delay } from "node:timers/promises"
import { fileURLToPath } from "node:url"

export const mainFile = fileURLToPath(new URL("../../src/main.ts", import.meta.url))

export interface Demo {
  readonly process: ChildProcess
  readonly pid: number
  readonly lines: ReadonlyArray<string>
  /** The code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
  /** Resolves with the first line that matches; rejects when the process ends without one. */
  readonly saw: (pattern: RegExp) => Promise<RegExpExecArray>
}

export const startDemo = (file: string, ...args: ReadonlyArray<string>): Demo => {
  const child = spawn(process.execPath, [file, "demo", ...args], {
    detached: true,
    stdio: ["ignore", "pipe", "pipe"]
  })
  const lines: Array<string> = []
  const watchers = new Set<() => void>()
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string)
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
  return { process: child, pid: child.pid, lines, ended, saw }
}

/** The servers' process of a demo, and a connection to it that closes when it ends. */
export const serversOf = async (
  demo: Demo
): Promise<{ readonly pid: number; readonly connection: Socket }> => {
  const [, pid, port] = await demo.saw(/servers in process (\d+); what they see: http:\/\/127\.0\.0\.1:(\d+)/)
  const connection = connect({ host: "127.0.0.1", port: Number(port) })
  connection.on("error", () => {})
  await once(connection, "connect")
  return { pid: Number(pid), connection }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** A process that is not our child gives no event when it is gone; its sockets close an instant before it is. */
export const isGone = async (pid: number): Promise<boolean> => {
  for (let tries = 0; tries < 250; tries++) {
    if (!isAlive(pid)) return true
    await delay(20)
  }
  return false
}
