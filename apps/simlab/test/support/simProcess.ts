/** Starts the command line as a process of its own, and tells what becomes of it. */
import { spawn } from "node:child_process"
import { once } from "node:events"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { onTestFinished } from "vitest"

/** So that not each process compiles all modules again, which is most of the time that it takes. */
const compiled = join(import.meta.dirname, "../../../../node_modules/.cache/compiled")

const main = fileURLToPath(import.meta.resolve("./main.ts"))

/** An empty directory, for as long as the test lasts. */
export const scratch = async (): Promise<string> => {
  const directory = await mkdtemp(join(tmpdir(), "simlab-"))
  onTestFinished(() => rm(directory, { recursive: true }))
  return directory
}

export interface Sim {
  readonly kill: (signal: NodeJS.Signals) => void
  readonly output: () => { readonly out: string; readonly err: string }
  /** The code, or the name of the signal that ended it. */
  readonly ended: Promise<number | string>
  /** Resolves when standard output has shown it; rejects when the process ends without. */
  readonly saw: (pattern: RegExp) => Promise<void>
}

/** It ends with its test, however that ends. */
export const startSim = (cwd: string, pattern: string, ...args: ReadonlyArray<string>): Sim => {
  const child = spawn(process.execPath, [main, pattern, ...args], {
    cwd,
    env: { ...process.env, NODE_COMPILE_CACHE: compiled },
    stdio: ["ignore", "pipe", "pipe"]
  })
  const ended = once(child, "close").then(([code, signal]) => (code ?? signal) as number | string)
  onTestFinished(async () => {
    child.kill("SIGKILL")
    await ended
  })
  const output = { out: "", err: "" }
  const watchers = new Set<() => void>()
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output.out += text
    for (const watcher of watchers) watcher()
  })
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    output.err += text
  })
  const saw = (wanted: RegExp) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!wanted.test(output.out)) return
        watchers.delete(look)
        resolve()
      }
      watchers.add(look)
      look()
      void ended.then((how) =>
        reject(new Error(`ended (${how}) without ${wanted}:\n${output.out}${output.err}`))
      )
    })
  return { kill: (signal) => child.kill(signal), output: () => output, ended, saw }
}

/** Runs it to its end. */
export const runSim = async (cwd: string, pattern: string, ...args: ReadonlyArray<string>) => {
  const sim = startSim(cwd, pattern, ...args)
  const code = await sim.ended
  return { code, ...sim.output() }
}
