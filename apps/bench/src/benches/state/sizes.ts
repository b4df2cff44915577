/** Many keys, and a large value. */
import { Array as Arr, Effect, Result, Stream } from "effect"
import type { Effort, Figure, Trial } from "../../Bench.ts"
import { makeDirectory, type OurName, type Ours, open } from "./contenders.ts"

const names: ReadonlyArray<readonly [OurName, string]> = [
  ["sqlite", "SqliteStateStore"],
  ["file", "FileStateStore"]
]

/** Of what a trial fills. */
const sizeOf = ({ size }: Effort) => ({ keys: size / 10, bytes: size * 100 })

const write = ({ store }: Ours, key: string, value: string) =>
  store.transact(key, () => Result.succeed({ _tag: "Write", value, schemaVersion: 1, result: undefined }))

const timed = async (effect: Effect.Effect<unknown, unknown>): Promise<number> => {
  const start = performance.now()
  await Effect.runPromise(effect)
  return performance.now() - start
}

const withStore = async <A>(
  name: OurName,
  directory: string,
  use: (ours: Ours) => Promise<A>
): Promise<A> => {
  const ours = await open(name, directory)
  try {
    return await use(ours)
  } finally {
    await ours.close()
  }
}

const keysTrial = async (name: OurName, { keys }: ReturnType<typeof sizeOf>) => {
  const directory = makeDirectory()
  const all = Arr.range(1, keys).map((number) => `key-${number}`)
  const written = await withStore(name, directory, (ours) =>
    timed(Effect.forEach(all, (key) => write(ours, key, `"${key}"`), { concurrency: "unbounded" }))
  )
  const start = performance.now()
  return withStore(name, directory, async (ours) => {
    const opened = performance.now() - start
    const listed = await timed(Stream.runDrain(ours.store.keys("")))
    const read = await timed(Effect.forEach(all, ours.store.read))
    const changed = await timed(write(ours, `key-${keys}`, "1"))
    return [written, opened, listed, read, changed]
  })
}

const valueTrial = async (name: OurName, { bytes }: ReturnType<typeof sizeOf>) => {
  const directory = makeDirectory()
  const value = (character: string) => JSON.stringify(character.repeat(bytes))
  await withStore(name, directory, (ours) => timed(write(ours, "large", value("x"))))
  // Who opens a store may read something of it already.
  const start = performance.now()
  return withStore(name, directory, async (ours) => {
    await Effect.runPromise(ours.store.read("large"))
    const read = performance.now() - start
    const again = await timed(ours.store.read("large"))
    const written = await timed(write(ours, "large", value("y")))
    return [read, again, written]
  })
}

const figuresOf = (title: string): ReadonlyArray<Figure> =>
  [
    "10,000 keys written, all at once",
    "opened, with 10,000 keys",
    "10,000 keys listed",
    "10,000 keys read, one after the other",
    "one of 10,000 keys changed",
    "opened, and 10 MB read",
    "10 MB read once more",
    "10 MB changed"
  ].map((what) => ({ name: `${title}: ${what}`, unit: "ms" }))

export const sizes: Trial = {
  name: "sizes",
  title: "10,000 keys, and a value of 10 MB",
  times: 1,
  figures: names.flatMap(([, title]) => figuresOf(title)),
  run: async (effort) => {
    const figures: Array<number> = []
    for (const [name] of names) {
      const size = sizeOf(effort)
      figures.push(...(await keysTrial(name, size)), ...(await valueTrial(name, size)))
    }
    return figures
  }
}
