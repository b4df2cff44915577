/** A file that is replaced as a whole, on a host that crashes and a disk that fails. */
import { Check, Disk, FaultPlan, Host, Suite } from "@holdfast/sim"
import { Effect, FileSystem } from "effect"
import * as fc from "fast-check"

const path = "/state"

/** Write a draft, sync it, rename it, sync the directory: what it takes to survive a loss of power. */
const save = Effect.fnUntraced(function* (text: string) {
  const fs = yield* FileSystem.FileSystem
  yield* Effect.scoped(
    Effect.gen(function* () {
      const draft = yield* fs.open("/draft", { flag: "w" })
      yield* draft.writeAll(new TextEncoder().encode(text))
      yield* draft.sync
    })
  )
  yield* fs.rename("/draft", path)
  yield* Effect.scoped(Effect.flatMap(fs.open("/", { flag: "r" }), (directory) => directory.sync))
})

/** What was saved as far as the writer knows, and what it was about to save. */
interface Known {
  saved: number
  tried: number
}

const writer = (known: Known, saves: number) =>
  Effect.gen(function* () {
    for (let number = known.tried + 1; number <= saves; number++) {
      known.tried = number
      yield* save(`state ${number}`)
      known.saved = number
      yield* Effect.sleep("10 millis")
    }
  }).pipe(Effect.ignore, Effect.provide(Disk.layerHost))

const numberIn = (bytes: Uint8Array | undefined): number => {
  if (bytes === undefined) return 0
  const [, number] = /^state (\d+)$/.exec(new TextDecoder().decode(bytes)) ?? []
  return number === undefined ? Number.NaN : Number(number)
}

const replace = Suite.make<number>({
  name: "a file is replaced as a whole",
  guarantees: ["SIM-4"],
  arbitrary: fc.integer({ min: 1, max: 8 }),
  faults: FaultPlan.arbitrary({
    hosts: ["db"],
    disks: ["db"],
    kinds: ["Crash", "DiskFailure"],
    withinMillis: 80
  }),
  run: (saves) =>
    Effect.gen(function* () {
      const known = { saved: 0, tried: 0 }
      const host = yield* Host.make("db", writer(known, saves))
      const disk = yield* Disk.ofHost("db")
      yield* Effect.sleep("1 second")
      yield* host.crash
      const number = numberIn((yield* disk.snapshot).get(path))
      const holds = number >= known.saved && number <= known.tried
      yield* Check.always("SIM-4", holds, () => `found ${number}, saved ${known.saved}, tried ${known.tried}`)
      yield* Check.sometimes("a save was cut short", number !== known.tried)
    }),
  reaches: ["a save was cut short"]
})

export const suites = [replace]
