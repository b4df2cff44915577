/** Typed values as text, and back: what a reader makes of what any writer, also an older one, has left. */
import { Result, Schema } from "effect"
import { InvalidOptions } from "../../InvalidOptions.ts"
import type { Definition } from "../../LockedState.ts"
import type { Stored } from "../../StateStore.ts"
import { SchemaTooNew, StateCorrupted } from "./errors.ts"

export interface Codec<A> {
  readonly version: number
  /** What is there before the first write, as text. */
  readonly initial: string
  /** A value of its own for each call, so that nobody changes that of somebody else. */
  readonly decode: (stored: Stored | undefined) => Result.Result<A, StateCorrupted | SchemaTooNew>
  /** Throws for what the schema does not accept: that is the caller's bug. */
  readonly encode: (value: A) => string
}

/** How `migrate` gets from each older version to the next. Throws `InvalidOptions` when there are gaps. */
const stepsOf = (
  version: number,
  migrations: ReadonlyArray<{ readonly from: number; readonly migrate: (encoded: unknown) => unknown }>
): ReadonlyMap<number, (encoded: unknown) => unknown> => {
  const invalid = (option: string, problem: string) =>
    new InvalidOptions({ module: "LockedState", option, problem })
  if (!Number.isSafeInteger(version) || version < 1) {
    throw invalid("version", `must be an integer of at least 1, but is ${version}`)
  }
  const steps = new Map(migrations.map(({ from, migrate }) => [from, migrate]))
  if (steps.size < migrations.length) throw invalid("migrations", "must begin at different versions")
  const first = version - steps.size
  for (let from = first; from < version; from++) {
    if (from < 1 || !steps.has(from)) {
      throw invalid(
        "migrations",
        `must lead from version to version up to ${version}, but begin at ${migrations.map(({ from }) => from).join(", ")}`
      )
    }
  }
  return steps
}

const encodeOf = <A>(key: string, encode: (value: A) => unknown, value: A): unknown => {
  try {
    return encode(value)
  } catch (cause) {
    throw new TypeError(`a new value of "${key}" is not of its schema: ${messageOf(cause)}`, { cause })
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

/** The codec in whichever store, which errors name. Throws `InvalidOptions` for a definition that makes no sense. */
export const codecOf = <A>(key: string, definition: Definition<A>): ((store: string) => Codec<A>) => {
  const { initial, migrations = [], schema, version = 1 } = definition
  const steps = stepsOf(version, migrations)
  const json = Schema.toCodecJson(schema)
  const decodeJson = Schema.decodeUnknownSync(json)
  const encodeJson = Schema.encodeUnknownSync(json)
  const encode = (value: A): string => {
    const text = JSON.stringify(encodeOf(key, encodeJson, value))
    if (text === undefined) throw new TypeError(`a value of "${key}" has no JSON form`)
    return text
  }
  const initialText = Result.getOrThrowWith(
    Result.try(() => encode(initial)),
    (error) =>
      new InvalidOptions({
        module: "LockedState",
        option: "initial",
        problem: `cannot be stored: ${messageOf(error)}`
      })
  )
  const read = (text: string, from: number): A => {
    let encoded: unknown = JSON.parse(text)
    for (let at = from; at < version; at++) {
      const step = steps.get(at)
      if (step === undefined) throw new Error(`there is no migration from version ${at} to ${at + 1}`)
      encoded = step(encoded)
    }
    return decodeJson(encoded)
  }
  const decodeIn =
    (store: string) =>
    (stored: Stored | undefined): Result.Result<A, StateCorrupted | SchemaTooNew> => {
      const known = stored?.schemaVersion ?? version
      if (known > version) return Result.fail(new SchemaTooNew({ key, stored: known, known: version }))
      return Result.try({
        try: () => read(stored?.value ?? initialText, known),
        catch: (cause) => new StateCorrupted({ store, key, reason: "Schema", cause })
      })
    }
  return (store) => ({ version, initial: initialText, decode: decodeIn(store), encode })
}
