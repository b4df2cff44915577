import { assert, describe, it } from "@effect/vitest"
import { Cause, Effect } from "effect"
import { noMoreDescriptors } from "../../src/relay/descriptors.ts"
import { makeJournal, textsOf } from "../../src/relay/journal.ts"

describe("the journal of the relay", () => {
  it.effect("keeps what is logged, its level, and whether it has a cause", () =>
    Effect.gen(function* () {
      const journal = makeJournal()
      yield* Effect.andThen(
        Effect.logWarning("lost", Cause.fail("unplugged")),
        Effect.logInfo("found", 2)
      ).pipe(Effect.provide(journal.layer))
      assert.deepStrictEqual(journal.entries.items, [
        { level: "Warn", text: "lost", hasCause: true },
        { level: "Info", text: "found 2", hasCause: false }
      ])
      assert.deepStrictEqual(textsOf(journal, /^f/), ["found 2"])
    })
  )
})

describe("the file descriptors of the relay", () => {
  const row = { id: "relay/thing", text: "Descriptors" }

  it("one more than before is one too many", () => {
    assert.isTrue(noMoreDescriptors({ ...row, before: 20, after: 20 }).ok)
    assert.isFalse(noMoreDescriptors({ ...row, before: 20, after: 21 }).ok)
  })

  it("where they cannot be counted, the row says so by its name", () => {
    const { measured, text } = noMoreDescriptors({ ...row, before: undefined, after: undefined })
    assert.deepStrictEqual([text, measured], ["Descriptors (linux only)", "not measured"])
  })
})
