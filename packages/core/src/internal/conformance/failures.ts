/** Devices that fail, and disks without room. */
import { Effect } from "effect"
import type { Failure } from "../../StateConformance.ts"
import {
  all,
  apart,
  append,
  type Check,
  check,
  expect,
  expectEqual,
  increment,
  tagOf,
  type World,
  wordsIn
} from "./kit.ts"

/** The words of a key, as a process finds them that starts then. */
const found = ({ open }: World, key: string) =>
  Effect.scoped(Effect.flatMap(open, ({ store }) => Effect.map(store.read(key), wordsIn)))

/** What was to fail and has not been reached yet fails here, where nobody minds. */
const exhaust = ({ open }: World, nth: number) =>
  Effect.forEach(
    Array.from({ length: nth }),
    () => Effect.exit(Effect.scoped(Effect.flatMap(open, ({ store }) => store.transact("other", increment)))),
    { discard: true }
  )

const typed = ["success", "StoreFull", "StoreUnavailable", "OutcomeUnknown"]

/** Some that share commits, and some after them. */
const words = ["a1", "a2", "a3", "b1", "b2", "b3", "c1", "c2", "c3"]

const attempt = (world: World, key: string, nth: number, failure: Failure) =>
  Effect.gen(function* () {
    const process = yield* apart(world)
    yield* process.store.transact(key, append("before"))
    yield* world.failAt(nth, failure)
    const ends = new Map<string, string>()
    for (const round of ["a", "b", "c"]) {
      const changes = words.filter((word) => word.startsWith(round))
      yield* all(
        changes.map((word) =>
          Effect.map(tagOf(process.store.transact(key, append(word))), (end) => ends.set(word, end))
        )
      )
    }
    yield* process.close
    yield* exhaust(world, nth)
    const left = yield* found(world, key)
    yield* expectEqual("the first word", left[0], "before")
    for (const [word, end] of ends) {
      yield* expect(typed.includes(end), () => `a change ended with ${end}`)
      const times = left.filter((other) => other === word).length
      const known = end === "success" ? [1] : end === "OutcomeUnknown" ? [0, 1] : [0]
      yield* expect(known.includes(times), () => `what ended with ${end} has been done ${times} times`)
    }
  })

/** As many as a commit may be made of. */
const things = Array.from({ length: 12 }, (_, index) => index + 1)

const failing = (failure: Failure, name: string) =>
  check(
    name,
    ["LS-4", "LS-6"],
    (world) => Effect.forEach(things, (nth) => attempt(world, `key ${nth}`, nth, failure), { discard: true }),
    ["failing", "kept"]
  )

export const failures: ReadonlyArray<Check> = [
  failing("Full", "changes that find no room are told so, and leave what was there"),
  failing("Io", "changes that a device fails at are told so, or that it is unknown")
]
