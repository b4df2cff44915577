/** What the answers of many that change the same key say about the order in which they did. */
import { Effect, Result } from "effect"
import type { Decision, Stored } from "../../StateStore.ts"
import { all, type Check, check, expect, expectEqual, locked, type Process } from "./kit.ts"

/** Adds a word, and says what was there. */
const addTo =
  (word: string) =>
  (current: Stored | undefined): Result.Result<Decision<string>> => {
    const before = current?.value ?? ""
    return Result.succeed({ _tag: "Write", value: `${before} ${word}`, schemaVersion: 1, result: before })
  }

/** A read and a write with time between them, which nobody may use. */
const slowly = (process: Process, key: string, word: string) =>
  locked(process, key, ({ fence }) =>
    Effect.gen(function* () {
      const before = (yield* process.store.read(key))?.value ?? ""
      yield* Effect.sleep(1)
      const value = `${before} ${word}`
      yield* process.store.transact(
        key,
        () => Result.succeed({ _tag: "Write", value, schemaVersion: 1, result: undefined }),
        { fence }
      )
      return before
    })
  )

/** Each answer is what was there just before, in an order in which nobody comes before who had ended when he began. */
const expectOrdered = (text: string, answers: ReadonlyMap<string, string>) =>
  Effect.gen(function* () {
    const words = text.trim().split(" ")
    yield* expectEqual("the words, sorted", words.slice().sort(), Array.from(answers.keys()).sort())
    for (const [index, word] of words.entries()) {
      const before = words
        .slice(0, index)
        .map((word) => ` ${word}`)
        .join("")
      yield* expect(
        answers.get(word) === before,
        () => `"${word}" came after "${before}", and was told "${answers.get(word)}"`
      )
    }
  })

const run = (processes: ReadonlyArray<Process>) =>
  Effect.gen(function* () {
    const answers = new Map<string, string>()
    const clients = processes.flatMap((process, number) =>
      ["p", "q", "r"].map((client) =>
        Effect.gen(function* () {
          for (let round = 0; round < 6; round++) {
            const word = `${client}${number}${round}`
            const isSlow = (round + number) % 3 === 1
            const change = isSlow ? slowly(process, "a", word) : process.store.transact("a", addTo(word))
            const before = yield* change
            // What has ended before this one began is before it.
            yield* expect(
              round === 0 || wordsOf(before).includes(`${client}${number}${round - 1}`),
              () => `"${word}" was told "${before}", without the one before it`
            )
            answers.set(word, before)
          }
        })
      )
    )
    yield* all(clients)
    for (const { store } of processes) yield* expectOrdered((yield* store.read("a"))?.value ?? "", answers)
  })

const wordsOf = (text: string): ReadonlyArray<string> => text.trim().split(" ")

const plain = check(
  "changes with and without a lease come one after the other, and each is told what was there",
  ["LS-3"],
  ({ open }) => Effect.flatMap(open, (process) => run([process]))
)

const shared = check(
  "changes of several processes, with and without a lease, come one after the other, and each is told what was there",
  ["LS-3"],
  ({ open }) => Effect.flatMap(Effect.all([open, open]), run),
  ["shared"]
)

export const histories: ReadonlyArray<Check> = [plain, shared]
