/** What is known of one key, for people and for machines. */
import type { StateStore } from "@holdfast/core"
import { DateTime, Effect, Option, Result } from "effect"

interface Readable extends StateStore.Stored {
  readonly key: string
  readonly state: "Healthy"
}

interface Unreadable {
  readonly key: string
  readonly state: "Missing" | StateStore.ReadError["_tag"]
  readonly problem: string
}

/** What belongs to a key that nobody knows. */
interface Unnamed {
  readonly file: string
  readonly state: "StateCorrupted"
  readonly problem: string
}

export type Look = Readable | Unreadable | Unnamed

export const unnamed = (file: string): Look => ({
  file,
  state: "StateCorrupted",
  problem: "it is corrupt, and does not say whose value it has: who knows the key can repair it"
})

export const look = (store: StateStore.StateStore["Service"], key: string): Effect.Effect<Look> =>
  Effect.map(Effect.result(store.read(key)), (result): Look => {
    if (Result.isFailure(result)) {
      return { key, state: result.failure._tag, problem: result.failure.message }
    }
    return result.success === undefined
      ? { key, state: "Missing", problem: `there is no value of "${key}"` }
      : { key, state: "Healthy", ...result.success }
  })

/** A key can hold whatever a terminal would obey. */
const visible = (text: string): string => JSON.stringify(text)

export const inLine = (look: Look): string => {
  if (look.state === "Healthy") {
    return `healthy   ${visible(look.key)}, version ${look.version}, ${look.value.length} characters`
  }
  const what = "file" in look ? look.file : visible(look.key)
  return `${look.state === "Missing" ? "missing  " : "UNREADABLE"} ${what}: ${look.problem}`
}

/** A clock that was wrong can have given any number. */
const timeOf = (millis: number): string =>
  Option.match(DateTime.make(millis), {
    onNone: () => `${millis} ms since 1970`,
    onSome: DateTime.formatIso
  })

/** With the value as it is stored. */
export const inFull = (look: Look): string =>
  look.state === "Healthy"
    ? [
        `version         ${look.version}`,
        `schema version  ${look.schemaVersion}`,
        `fence           ${look.fence}`,
        `written at      ${timeOf(look.writtenAtMillis)}`,
        look.value
      ].join("\n")
    : inLine(look)
