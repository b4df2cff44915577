/** What machines do that stop, run late, or lose their power. */
import { Clock, Effect, FileSystem } from "effect"
import * as Check from "../../src/Check.ts"
import * as Disk from "../../src/Disk.ts"
import * as FlakyServer from "../../src/FlakyServer.ts"
import * as Host from "../../src/Host.ts"
import { millisUpTo, type Planted } from "./Planted.ts"

type Request = { readonly _tag: "Lead" } | { readonly _tag: "Write"; readonly token: number }

const tokenOf = (done: ReadonlyArray<Request>): number => done.filter(({ _tag }) => _tag === "Lead").length

/** A store that counts its leaders; one that fences lets only the latest of them write. */
const makeStore = (isFenced: boolean) =>
  FlakyServer.make(
    "store",
    FlakyServer.always(FlakyServer.answer(1)),
    (request: Request, done) => (request._tag === "Lead" ? tokenOf(done) + 1 : request.token),
    { changes: (request, done) => request._tag === "Lead" || !isFenced || request.token === tokenOf(done) }
  )

type Store = Effect.Success<ReturnType<typeof makeStore>>

const leaseMillis = 5_000

/** Leads until it could not write for the time of its lease, which it looks at before it prepares a write. */
const lead = (store: Store) =>
  Effect.gen(function* () {
    const token = yield* store.call({ _tag: "Lead" })
    let lastMillis = yield* Clock.currentTimeMillis
    for (let writes = 0; writes < 10; writes++) {
      if ((yield* Clock.currentTimeMillis) - lastMillis > leaseMillis) return
      yield* Effect.sleep(200)
      yield* store.call({ _tag: "Write", token })
      lastMillis = yield* Clock.currentTimeMillis
      yield* Effect.sleep(800)
    }
  })

/** Leads when nothing was written for the time of a lease. */
const standBy = (store: Store) =>
  Effect.gen(function* () {
    let seen = 0
    let idleMillis = 0
    while (idleMillis <= leaseMillis) {
      yield* Effect.sleep(1_000)
      const { length } = yield* store.committed
      idleMillis = length === seen ? idleMillis + 1_000 : 0
      seen = length
    }
    yield* store.call({ _tag: "Lead" })
  })

const paused = (isFenced: boolean) =>
  Effect.gen(function* () {
    const store = yield* makeStore(isFenced)
    const leader = yield* Host.make("leader", lead(store))
    yield* Host.make("standby", Effect.andThen(Effect.sleep(10), standBy(store)))
    yield* Effect.sleep(yield* millisUpTo(3_000))
    yield* leader.pause
    yield* Effect.sleep(yield* millisUpTo(20_000))
    yield* leader.resume
    yield* Effect.sleep(10_000)
    const done = yield* store.committed
    const stale = done.filter(
      (request, at) => request._tag === "Write" && request.token < tokenOf(done.slice(0, at))
    )
    yield* Check.always("only the latest leader writes", stale.length === 0, "an earlier one wrote after it")
  })

const splitBrain: Planted = {
  name: "split brain after a pause",
  bug: "a leader is paused between looking at its lease and writing, and the store takes the write of one who leads no more",
  interleaving: false,
  program: paused(false),
  correct: paused(true)
}

/** A leader that renews its lease every second, and a follower that takes over when it finds the lease to be over. */
const skewed = (isOver: (untilMillis: number, seenForMillis: number, nowMillis: number) => boolean) =>
  Effect.gen(function* () {
    const store = yield* FlakyServer.make(
      "store",
      FlakyServer.always(FlakyServer.answer(1)),
      (_: { readonly leader: string; readonly untilMillis: number }) => "ok"
    )
    const renew = Effect.flatMap(Clock.currentTimeMillis, (now) =>
      store.call({ leader: "first", untilMillis: now + leaseMillis })
    )
    const follow = Effect.gen(function* () {
      let untilMillis = 0
      let sinceNanos = yield* Clock.monotonicTimeNanos
      for (let looks = 0; looks < 10; looks++) {
        yield* Effect.sleep(700)
        const last = (yield* store.committed).at(-1)
        const now = yield* Clock.monotonicTimeNanos
        if (last !== undefined && last.untilMillis !== untilMillis) {
          untilMillis = last.untilMillis
          sinceNanos = now
        }
        const seenForMillis = Number(now - sinceNanos) / 1e6
        if (isOver(untilMillis, seenForMillis, yield* Clock.currentTimeMillis)) {
          yield* store.call({ leader: "second", untilMillis: 0 })
          return
        }
      }
    })
    yield* Host.make("first", Effect.repeat(Effect.delay(renew, 1_000), { times: 9 }))
    const second = yield* Host.make("second")
    yield* second.skew({ offset: (yield* millisUpTo(20_000)) - 10_000 })
    yield* Effect.sleep(1_100)
    yield* second.run(follow)
    const leaders = new Set((yield* store.committed).map(({ leader }) => leader))
    yield* Check.always("nobody takes over from a leader that renews", leaders.size === 1, "somebody did")
  })

const clockSkew: Planted = {
  name: "clock skew",
  bug: "the end of a lease is an instant of its holder's clock, and judged by the clock of another",
  interleaving: false,
  program: skewed((untilMillis, _, now) => untilMillis < now),
  correct: skewed((_, seenForMillis) => leaseMillis < seenForMillis)
}

/** What a program does to replace a file, so that a reader finds the old text or the new one whatever happens. */
interface Care {
  readonly inPlace: boolean
  readonly syncsFile: boolean
  readonly syncsDirectory: boolean
}

const careful: Care = { inPlace: false, syncsFile: true, syncsDirectory: true }

const save = (text: string, { inPlace, syncsDirectory, syncsFile }: Care) =>
  Effect.gen(function* () {
    const fs = yield* FileSystem.FileSystem
    const write = Effect.gen(function* () {
      const file = yield* fs.open(inPlace ? "/state" : "/draft", { flag: inPlace ? "r+" : "w" })
      yield* file.writeAll(new TextEncoder().encode(text))
      yield* Effect.sleep(5)
      if (syncsFile) yield* file.sync
    })
    yield* Effect.scoped(write)
    if (!inPlace) yield* fs.rename("/draft", "/state")
    if (syncsDirectory) yield* Effect.scoped(Effect.flatMap(fs.open("/", { flag: "r" }), (root) => root.sync))
  })

const powerLost = (care: Care) =>
  Effect.gen(function* () {
    const disk = yield* Disk.make()
    const saved: Array<string> = []
    const saving = (text: string, how: Care) =>
      Effect.provideService(save(text, how), FileSystem.FileSystem, disk.fileSystem).pipe(
        Effect.tap(() => Effect.sync(() => saved.push(text)))
      )
    yield* saving("old text", careful)
    const machine = yield* Host.make("machine", saving("new text", care))
    yield* Effect.sleep(yield* millisUpTo(10))
    yield* machine.crash
    yield* disk.losePower
    const bytes = (yield* disk.snapshot).get("/state")
    const found = bytes === undefined ? "nothing" : new TextDecoder().decode(bytes)
    const isWhole = found === "new text" || (found === "old text" && saved.length === 1)
    yield* Check.always(
      "a file survives a loss of power",
      isWhole,
      `after ${saved.join(", ")} it is "${found}"`
    )
  })

const tornWrite: Planted = {
  name: "torn write",
  bug: "a file is written over in place, and the power is lost before the write is on the disk as a whole",
  interleaving: false,
  program: powerLost({ ...careful, inPlace: true }),
  correct: powerLost(careful)
}

const unsyncedRename: Planted = {
  name: "unsynced rename",
  bug: "a file takes its new name before its bytes are on the disk",
  interleaving: false,
  program: powerLost({ ...careful, syncsFile: false }),
  correct: powerLost(careful)
}

const unsyncedDirectory: Planted = {
  name: "unsynced directory",
  bug: "a file is reported as saved when its bytes are on the disk, and its new name is not",
  interleaving: false,
  program: powerLost({ ...careful, syncsDirectory: false }),
  correct: powerLost(careful)
}

export const machines: ReadonlyArray<Planted> = [
  splitBrain,
  clockSkew,
  tornWrite,
  unsyncedRename,
  unsyncedDirectory
]
