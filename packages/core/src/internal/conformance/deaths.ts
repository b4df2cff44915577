/** Processes that die at once, whatever they are at. */
import { Effect, Fiber } from "effect"
import {
  all,
  append,
  aWhile,
  begin,
  type Check,
  check,
  expect,
  expectEqual,
  expectIncreasing,
  expectWaiting,
  fieldsOf,
  held,
  increment,
  locked,
  type Process,
  put,
  tagOf,
  wordsIn
} from "./kit.ts"

const killed = check(
  "what a killed process had locked is free, and what it had written is there",
  ["LK-2", "LK-3", "LS-1"],
  ({ open, openDoomed }) =>
    Effect.gen(function* () {
      const doomed = yield* openDoomed
      const survivor = yield* open
      yield* doomed.store.transact("a", append("written"))
      const { lease } = yield* held(doomed, "a")
      yield* doomed.store.transact("a", append("leased"), { fence: lease.fence })
      const waiting = yield* begin(survivor.store.transact("a", append("survived")))
      yield* aWhile
      yield* expectWaiting("a change", waiting)
      yield* doomed.kill
      yield* Fiber.join(waiting)
      yield* expectEqual("the words", wordsIn(yield* survivor.store.read("a")), [
        "written",
        "leased",
        "survived"
      ])
      const fence = yield* locked(survivor, "a", ({ fence }) => Effect.succeed(fence), { wait: 0 })
      yield* expect(fence > lease.fence, () => `fence ${fence} came after ${lease.fence}`)
    }),
  ["doomed", "shared"]
)

const killedAnywhere = check(
  "a process that is killed at any moment leaves the old value or the new one, and what it was told is there",
  ["LS-1", "LS-2", "LS-4"],
  ({ open, openDoomed }) =>
    Effect.gen(function* () {
      const told: Array<string> = []
      for (let moment = 0; moment < 16; moment++) {
        const doomed = yield* openDoomed
        const write = (word: string) =>
          Effect.andThen(
            doomed.store.transact("a", append(word)),
            Effect.sync(() => told.push(word))
          )
        yield* begin(Effect.exit(all([1, 2, 3].map((n) => write(`${moment}-${n}`)))))
        for (let yields = 0; yields < moment; yields++) yield* Effect.yieldNow
        yield* doomed.kill
        const survivor = yield* open
        const words = wordsIn(yield* survivor.store.read("a"))
        const lost = told.filter((word) => !words.includes(word))
        yield* expectEqual("what was told to be written, and is not there", lost, [])
        yield* expectEqual("what is there twice", words.length, new Set(words).size)
        yield* survivor.store.transact("b", increment)
      }
    }),
  ["doomed", "shared", "kept"]
)

/** Ten times what a death may take to be noticed. */
const expectUnheld = ({ lock }: Process, key: string) =>
  Effect.gen(function* () {
    for (let look = 0; look < 200; look++) {
      if (!(yield* lock.isHeld(key))) return
      yield* Effect.sleep(5)
    }
    yield* expect(false, "a second after the death of who had the key, somebody still seems to have it")
  })

const unseen = check(
  "nobody is seen to have what a killed process had",
  ["LK-3"],
  ({ open, openDoomed }) =>
    Effect.gen(function* () {
      const survivor = yield* open
      // Nobody takes the keys later on: to have a look has to be enough.
      for (const key of ["one", "two"]) {
        const doomed = yield* openDoomed
        yield* held(doomed, key)
        yield* expectEqual("what is seen while it lives", yield* survivor.lock.isHeld(key), true)
        yield* doomed.kill
        yield* expectUnheld(survivor, key)
        yield* expectUnheld(yield* open, key)
      }
    }),
  ["doomed", "shared"]
)

const usedUp = check(
  "the fence of a killed process is not given again, also when it has written nothing",
  ["LK-2", "LK-5"],
  ({ open, openDoomed }) =>
    Effect.gen(function* () {
      const survivor = yield* open
      yield* survivor.store.transact("written", increment)
      for (const key of ["new", "written"]) {
        const fences: Array<number> = []
        for (let death = 0; death < 3; death++) {
          const doomed = yield* openDoomed
          const { lease } = yield* held(doomed, key)
          fences.push(lease.fence)
          yield* doomed.kill
          // Once it is another one to die that comes next.
          if (death === 1) continue
          fences.push(yield* locked(survivor, key, ({ fence }) => Effect.succeed(fence)))
          const late = yield* tagOf(survivor.store.transact(key, put("late"), { fence: lease.fence }))
          yield* expectEqual("the end of what the fence of the dead writes", late, "Fenced")
        }
        yield* expectIncreasing(fences)
      }
    }),
  ["doomed", "shared"]
)

/** Some in the midst of what comes at once, some while it takes its time. */
const moments = Array.from({ length: 20 }, (_, moment) => ({
  key: `key ${moment}`,
  pass:
    moment < 14
      ? Effect.forEach(Array.from({ length: moment }), () => Effect.yieldNow)
      : Effect.sleep((moment - 13) * 0.3)
}))

const settled = check(
  "nothing changes any more when a process has died, whatever it was writing",
  ["LS-3", "LS-4"],
  ({ open, openDoomed }) =>
    Effect.gen(function* () {
      const survivor = yield* open
      const left = yield* Effect.forEach(moments, ({ key, pass }) =>
        Effect.gen(function* () {
          yield* survivor.store.transact(key, put("before"))
          const doomed = yield* openDoomed
          yield* begin(Effect.exit(doomed.store.transact(key, append("written"))))
          yield* pass
          yield* doomed.kill
          return fieldsOf(yield* survivor.store.read(key))
        })
      )
      // In this time what was under way would arrive.
      yield* Effect.sleep("200 millis")
      for (const [index, { key }] of moments.entries()) {
        const later = fieldsOf(yield* survivor.store.read(key))
        yield* expectEqual("what is stored some time after a death", later, left[index])
      }
    }),
  ["doomed", "shared"]
)

const lasting = check(
  "what was read is not gone when the one who wrote it is killed",
  ["LS-1", "LS-3"],
  ({ open, openDoomed }) =>
    Effect.gen(function* () {
      const survivor = yield* open
      const versionIn = ({ store }: Process, key: string) =>
        Effect.map(store.read(key), (stored) => stored?.version ?? 0)
      for (const { key, pass } of moments) {
        const doomed = yield* openDoomed
        const writes = Effect.forEach(Array.from({ length: 12 }), () => doomed.store.transact(key, increment))
        yield* begin(Effect.exit(writes))
        yield* pass
        const seen = Math.max(yield* versionIn(doomed, key), yield* versionIn(survivor, key))
        yield* doomed.kill
        const left = yield* versionIn(survivor, key)
        yield* expect(left >= seen, () => `version ${seen} was read, and after the death it is ${left}`)
      }
    }),
  ["doomed", "shared"]
)

export const deaths: ReadonlyArray<Check> = [killed, killedAnywhere, unseen, usedUp, settled, lasting]
