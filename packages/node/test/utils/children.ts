/**
 * Processes of tests, which tell and are told lines of JSON. They end with the scope that they were started in, and, as
 * they hear the end of their standard input, also when the process that started them is killed.
 */
import { spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { fileURLToPath } from "node:url"
import { Data, Effect, type Scope } from "effect"

/** A clock that all processes of the machine share. */
export const nowMillis = (): number => Number(process.hrtime.bigint()) / 1e6

/** It ended before it did what was waited for. */
export class ChildEnded extends Data.TaggedError("ChildEnded")<{ readonly message: string }> {}

export interface Start {
  readonly module: URL
  /** What it finds as JSON in its first argument. */
  readonly task: unknown
  readonly nodeOptions?: ReadonlyArray<string>
  /** No file can grow beyond this: like a disk that becomes full in the middle of a write. Not on Windows. */
  readonly fileLimitKiB?: number
}

/** Of so many bytes is the limit made that a shell sets. */
const limitUnit = 512

const commandOf = ({
  fileLimitKiB,
  module,
  nodeOptions = [],
  task
}: Start): readonly [string, ...Array<string>] => {
  const command = [process.execPath, ...nodeOptions, fileURLToPath(module), JSON.stringify(task)] as const
  if (fileLimitKiB === undefined) return [...command]
  const blocks = (fileLimitKiB * 1024) / limitUnit
  return ["sh", "-c", `ulimit -f ${blocks}; exec "$@"`, "sh", ...command]
}

/** `Told` is what it tells, and `Heard` what it can be told. */
export class Child<Told, Heard> {
  /** All that it has told so far. */
  readonly told: Array<Told> = []
  /** It is gone, and whatever it told is here. */
  hasEnded = false
  private readonly process
  private readonly watchers = new Set<() => void>()
  private stderr = ""

  private constructor(start: Start) {
    const [command, ...args] = commandOf(start)
    this.process = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] })
    // It may be dead already when it is told something.
    this.process.stdin.on("error", () => {})
    this.process.stderr.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text
    })
    createInterface({ input: this.process.stdout }).on("line", (line) => {
      this.told.push(JSON.parse(line))
      this.look()
    })
    this.process.on("close", () => {
      this.hasEnded = true
      this.look()
    })
  }

  static start<Told, Heard>(start: Start): Effect.Effect<Child<Told, Heard>, never, Scope.Scope> {
    return Effect.acquireRelease(
      Effect.sync(() => new Child<Told, Heard>(start)),
      (child) => child.kill
    )
  }

  tell(heard: Heard): void {
    this.process.stdin.write(`${JSON.stringify(heard)}\n`)
  }

  /** With SIGKILL, and waits until it is gone. */
  get kill(): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.process.kill("SIGKILL")
      return this.ended
    })
  }

  get ended(): Effect.Effect<void> {
    return this.watch(() => (this.hasEnded ? Effect.void : undefined))
  }

  /** Waits until there is something to be found, which may be there already. */
  until<A>(find: (told: ReadonlyArray<Told>) => A | undefined): Effect.Effect<A, ChildEnded> {
    return this.watch<A, ChildEnded>(() => {
      const found = find(this.told)
      if (found !== undefined) return Effect.succeed(found)
      return this.hasEnded ? Effect.fail(this.failure) : undefined
    })
  }

  private get failure(): ChildEnded {
    const { exitCode, signalCode } = this.process
    const how = signalCode ?? `exit code ${exitCode}`
    return new ChildEnded({ message: `a process ended with ${how} too early\n${this.stderr}` })
  }

  private look(): void {
    for (const watcher of Array.from(this.watchers)) watcher()
  }

  private watch<A, E = never>(find: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> {
    return Effect.callback<A, E>((resume) => {
      const watcher = () => {
        const found = find()
        if (found === undefined) return
        this.watchers.delete(watcher)
        resume(found)
      }
      this.watchers.add(watcher)
      watcher()
      return Effect.sync(() => this.watchers.delete(watcher))
    })
  }
}
