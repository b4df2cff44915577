/** The command `holdfast-state`: looks into a store, and repairs what cannot be read. */
import { StateStore } from "@holdfast/core"
import { Console, Effect, type FileSystem, Option, Result, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { inFull, inLine, type Look, look } from "./look.ts"
import { type Kind, kindIn, kinds, layerOf, told } from "./stores.ts"

const flags = {
  directory: Argument.Path("directory").pipe(Argument.withDescription("Where the store is")),
  store: Flag.Literals("store", kinds).pipe(
    Flag.withDescription("What the store is; found out when left out"),
    Flag.optional
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("One line of JSON for each key"),
    Flag.withDefault(false)
  )
}

const key = Argument.String("key").pipe(Argument.withDescription("Whose value"))

interface Input {
  readonly directory: string
  readonly store: Option.Option<Kind>
  readonly json: boolean
}

type Store = StateStore.StateStore["Service"]

const withStore = <A, E extends Error>(
  { directory, store }: Input,
  body: (store: Store) => Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.flatMap(kindIn(directory, store), (kind) =>
    Effect.flatMap(StateStore.StateStore, body).pipe(
      Effect.provide(layerOf(kind, directory)),
      Effect.catch((error) => told(error.message))
    )
  )

const print = ({ json }: Input, looks: ReadonlyArray<Look>, toText: (look: Look) => string) =>
  Effect.forEach(looks, (look) => Console.log(json ? JSON.stringify(look) : toText(look)), { discard: true })

const unreadable = (looks: ReadonlyArray<Look>): Effect.Effect<void, ReturnType<typeof told>> => {
  const bad = looks.filter(({ state }) => state !== "Healthy")
  return bad.length === 0 ? Effect.void : told(`${bad.length} of ${looks.length} values cannot be read`)
}

const list = Command.make("list", flags, (input) =>
  withStore(input, (store) =>
    Effect.gen(function* () {
      const keys = yield* Stream.runCollect(store.keys(""))
      const looks = yield* Effect.forEach(keys, (key) => look(store, key))
      yield* print(input, looks, inLine)
      yield* unreadable(looks)
    })
  )
).pipe(Command.withDescription("All keys, and whether their values can be read; fails if one cannot"))

const show = Command.make("show", { ...flags, key }, (input) =>
  withStore(input, (store) =>
    Effect.gen(function* () {
      const found = yield* look(store, input.key)
      yield* print(input, [found], inFull)
      yield* unreadable([found])
    })
  )
).pipe(Command.withDescription("One value, with what belongs to it"))

const write = (store: Store, key: string, value: string, schemaVersion: number) =>
  store.transact(key, () => Result.succeed({ _tag: "Write", value, schemaVersion, result: undefined }))

const repair = Command.make(
  "repair",
  {
    ...flags,
    key,
    value: Flag.String("value").pipe(
      Flag.withDescription("What to put in its place, as JSON; nothing when left out"),
      Flag.filter(isJson, () => "a value in JSON, such as '{\"n\":1}' or '\"text\"'"),
      Flag.optional
    ),
    schemaVersion: Flag.Int("schema-version").pipe(
      Flag.withDescription("The version of the value's schema; 1 when left out"),
      Flag.filter(
        (version) => version >= 1,
        (version) => `a version from 1 on, not ${version}`
      ),
      Flag.withDefault(1)
    )
  },
  (input) =>
    withStore(input, (store) =>
      Effect.gen(function* () {
        const { key, schemaVersion } = input
        const value = Option.getOrUndefined(input.value)
        const done = yield* store.repair(key, value === undefined ? undefined : { value, schemaVersion })
        if (done._tag === "Repaired") {
          const what = value === undefined ? "the key has no value" : "the key has the value that was given"
          return yield* Console.log(`repaired: the unreadable bytes are in ${done.aside}, and ${what}`)
        }
        if (value === undefined) return yield* Console.log("nothing to repair: the store can read it")
        // A value that the store can read, and its program cannot.
        const before = yield* store.read(key)
        yield* write(store, key, value, schemaVersion)
        yield* Console.log(`replaced: the store could read it. It was ${before?.value ?? "not there"}`)
      })
    )
).pipe(
  Command.withDescription("Puts what cannot be read aside, and a value in its place"),
  Command.withExamples([
    { command: "holdfast-state repair data app/Sent", description: "Begin anew with the initial value" },
    { command: `holdfast-state repair data app/Sent --value '{"n":1}'`, description: "Put a known value" }
  ])
)

function isJson(text: string): boolean {
  return Result.isSuccess(Result.try(() => JSON.parse(text)))
}

export const state = Command.make("holdfast-state").pipe(
  Command.withDescription(
    "Looks into a store, and repairs what cannot be read. What is put aside is never removed."
  ),
  Command.withSubcommands([list, show, repair])
)
