/** Programs of several versions share a value at the same time, as in the middle of a deployment. */
import { LockedState } from "@holdfast/core"
import { Check, Suite } from "@holdfast/sim"
import { Cause, Effect, Exit, Schema } from "effect"
import * as fc from "fast-check"
import { Hosts, type Life } from "./support/stateHosts.ts"
import { type Conditions, StateMachine } from "./support/stateMachine.ts"
import { describeConditions, healthy } from "./support/stateSteps.ts"
import { instant } from "./support/stateWanting.ts"
import { sleepUntil, words } from "./support/time.ts"

const key = "deployed"

const versions = [1, 2, 3] as const

type Version = (typeof versions)[number]

/** A value says which version has written it, in its own words. */
const define = (version: Version) =>
  LockedState.make(key, {
    schema: Schema.Struct({ version: Schema.Literal(version), count: Schema.Number }),
    initial: { version, count: 0 },
    version,
    migrations: versions
      .filter((from) => from < version)
      .map((from) => ({
        from,
        migrate: (encoded) => {
          const old = Schema.decodeUnknownSync(
            Schema.Struct({ version: Schema.Literal(from), count: Schema.Number })
          )(encoded)
          return { version: from + 1, count: old.count }
        }
      }))
  })

interface Call {
  readonly version: Version
  readonly what: "get" | "update" | "effect" | "set"
  readonly atNanos: number
}

interface Deployment {
  readonly conditions: Conditions
  readonly processes: ReadonlyArray<ReadonlyArray<Call>>
}

/** What is known of the value from outside. */
class Known {
  /** The newest version of which a write was acknowledged. */
  newest = 0
  counted = 0
}

const perform = ({ version, what }: Call) =>
  Effect.gen(function* () {
    const state = yield* define(version)
    const counted = (value: { readonly version: Version; readonly count: number }) =>
      ({ version, count: value.count + 1 }) as const
    switch (what) {
      case "get":
        return { value: yield* state.get, hasWritten: false }
      case "update":
        return { value: yield* state.updateAndGet(counted), hasWritten: true }
      case "effect":
        return {
          value: yield* state.modifyEffect((value) =>
            Effect.succeed([counted(value), counted(value)] as const)
          ),
          hasWritten: true
        }
      case "set": {
        const before = yield* state.snapshot
        const hasWritten = yield* state.compareAndSet(before, counted(before.value))
        return { value: before.value, hasWritten }
      }
    }
  })

const call = (known: Known, { instance }: Life, one: Call): Effect.Effect<void> =>
  Effect.gen(function* () {
    yield* sleepUntil(one.atNanos)
    const { newest } = known
    const exit = yield* Effect.exit(Effect.provideContext(perform(one), instance))
    const isTooNew =
      Exit.isFailure(exit) &&
      exit.cause.reasons.some((reason) => Cause.isFailReason(reason) && reason.error._tag === "SchemaTooNew")
    yield* Check.sometimes("an old program is refused", isTooNew)
    yield* Check.always(
      "LS-7",
      Exit.isSuccess(exit) || isTooNew,
      () => `a ${one.what} of version ${one.version} ended with ${exit}`
    )
    yield* Check.always(
      "LS-7",
      isTooNew || one.version >= newest,
      () => `a ${one.what} of version ${one.version} was let through, and ${newest} had written`
    )
    if (Exit.isFailure(exit)) return
    yield* Check.always(
      "LS-7",
      exit.value.value.version === one.version,
      () => `version ${one.version} has read a value of version ${exit.value.value.version}`
    )
    yield* Check.sometimes("an old value is migrated", newest > 0 && newest < one.version)
    if (!exit.value.hasWritten) return
    known.counted++
    known.newest = Math.max(known.newest, one.version)
  })

const deployments = Suite.make({
  name: "State schemas",
  guarantees: ["LS-7"],
  arbitrary: fc.record<Deployment>({
    conditions: healthy,
    processes: fc.array(
      fc.array(
        fc.record<Call>({
          version: fc.constantFrom(...versions),
          what: fc.constantFrom("get", "update", "effect", "set"),
          atNanos: instant(10)
        }),
        { minLength: 1, maxLength: 5 }
      ),
      { minLength: 1, maxLength: 3 }
    )
  }),
  describe: ({ conditions, processes }) =>
    [
      describeConditions(conditions),
      ...processes.map(
        (calls, process) =>
          `p${process}: ${calls.map(({ atNanos, version, what }) => `${what} of version ${version} at ${words(atNanos)}`).join("; ")}`
      )
    ].join("\n"),
  reaches: ["an old program is refused", "an old value is migrated"],
  run: ({ conditions, processes }) =>
    Effect.gen(function* () {
      const known = new Known()
      const machine = new StateMachine(conditions)
      const hosts = new Hosts(machine)
      for (const [process, calls] of processes.entries()) {
        yield* hosts.start(process, (life) =>
          Effect.forEach(calls, (one) => call(known, life, one), { concurrency: "unbounded", discard: true })
        )
      }
      yield* Check.endsWithin("LS-7", "1 minute", hosts.ended)
      const stored = machine.rows.get(key)?.stored
      const found = JSON.stringify({ version: known.newest, count: known.counted })
      yield* Check.always(
        "LS-7",
        known.counted === 0
          ? stored === undefined
          : stored?.value === found && stored.schemaVersion === known.newest,
        () =>
          `${known.counted} were counted, the last by version ${known.newest}, and there is ${JSON.stringify(stored)}`
      )
    })
})

export const suites: ReadonlyArray<Suite.Suite> = [deployments]
