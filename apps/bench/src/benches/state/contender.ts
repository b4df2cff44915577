/** A process that changes the value again and again, beside others, for as long as it is told, and says how that went. */
import { once } from "node:events"
import { Effect } from "effect"
import { modify, type Name, open, openPeer } from "./contenders.ts"

export interface ContenderTask {
  readonly name: Name
  readonly directory: string
}

/** How long each change took, in microseconds, and all of them together, in milliseconds. */
export interface Contest {
  readonly latenciesMicros: ReadonlyArray<number>
  readonly elapsedMillis: number
}

const changeOf = async ({ directory, name }: ContenderTask): Promise<() => Promise<unknown>> => {
  if (name === "peer") return (await openPeer(directory)).modify
  const ours = await open(name, directory)
  return () => Effect.runPromise(modify(ours))
}

/** Until all that takes part is compiled. */
const warmUpMillis = 1500

const compete = async (change: () => Promise<unknown>, millis: number): Promise<Contest> => {
  const isCold = performance.now() + warmUpMillis
  while (performance.now() < isCold) await change()
  const latenciesMicros: Array<number> = []
  const start = performance.now()
  let before = start
  while (before < start + millis) {
    await change()
    const now = performance.now()
    latenciesMicros.push(Math.round((now - before) * 1e3))
    before = now
  }
  return { latenciesMicros, elapsedMillis: before - start }
}

if (import.meta.main) {
  const change = await changeOf(JSON.parse(process.argv[2] ?? "{}"))
  await change()
  console.log("ready")
  // Nobody begins before all are there. When nobody tells it to, its parent has gone.
  const [told] = await Promise.race([once(process.stdin, "data"), once(process.stdin, "end")])
  if (told !== undefined) console.log(JSON.stringify(await compete(change, Number(String(told)))))
  process.exit()
}
