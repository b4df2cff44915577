import { assert, describe, it } from "@effect/vitest"
import { strangersIn } from "../../src/register/strangers.ts"

const files = [
  "keys",
  "locks",
  "keys/harbour%2fowner%2f0.json",
  "keys/harbour.json",
  "keys/ledger.json",
  "locks/harbour%2fowner%2f12.doc",
  "locks/ledger.doc",
  "locks/lock%3aharbour%2fowner%2f0.lock",
  "locks/next%3aledger.lock",
  "locks/turn%3aledger%3a0.lock"
]

const sqlite = [
  "changes",
  "locks",
  "presence",
  "state.db",
  "state.db-shm",
  "state.db-wal",
  "locks/lock%3aharbour%2fowner%2f0",
  "locks/next%3aledger",
  "locks/turn%3astate%3a0"
]

describe("the files of a store", () => {
  it("are no strangers", () => {
    assert.deepStrictEqual(strangersIn("file", files), [])
    assert.deepStrictEqual(strangersIn("sqlite", sqlite), [])
  })

  it("whatever else is there is one, and so is what belongs to the other store", () => {
    for (const stranger of [
      "keys/ledger.json.tmp",
      "keys/x.json.tmp",
      "keys/ledger.json.7.draft",
      "keys/other.json",
      "locks/ledger.json",
      "ledger.json",
      "state.db"
    ]) {
      assert.deepStrictEqual(strangersIn("file", [...files, stranger]), [stranger])
    }
    for (const stranger of [
      "state.db-journal",
      "state.db.tmp",
      "locks/lock%3aledger-journal",
      "corrupt",
      "keys/ledger.json"
    ]) {
      assert.deepStrictEqual(strangersIn("sqlite", [...sqlite, stranger]), [stranger])
    }
  })
})
