/** The command `holdfast-state`: looks into a store, and repairs what cannot be read. */
import { InvalidOptions, StateStore } from "@holdfast/core"
import { Console, Duration, Effect, FileSystem, Option, Result, Stream } from "effect"
import { Argument, Command, Flag } from "effect/cli"
import { listFiles } from "../file/keys.ts"
import { keysOf } from "../file/perKey.ts"
import { type Kind, kinds } from "../kinds.ts"
import { inFull, inLine, type Look, look, unnamed } from "./look.ts"
import { kindIn, layerOf, told } from "./stores.ts"

const flags = {
  directory: Argument.Path("directory").pipe(Argument.withDescription("Where the store is")),
  store: Flag.Literals("store", kinds).pipe(
    Flag.withDescription("What the store is; found out when left out"),
    Flag.optional
  ),
  json: Flag.Boolean("json").pipe(
    Flag.withDescription("Write JSON, one line for each key"),
    Flag.withDefault(false)
  )
}

const key = Argument.String("key").pipe(Argument.withDescription("Whose value"))

interface Input {
  readonly directory: string
  readonly store: Option.Option<Kind>
  readonly json: boolean
}

interface Repair extends Input {
  readonly key: string
  readonly value: Option.Option<string>
  readonly schemaVersion: number
  readonly wait: number
}

type Store = StateStore.StateStore["Service"]

const withStore = <A, E extends Error>(
  { directory, store }: Input,
  body: (store: Store, kind: Kind) => Effect.Effect<A, E, FileSystem.FileSystem>
) =>
  Effect.flatMap(kindIn(directory, store), (kind) =>
    Effect.flatMap(StateStore.StateStore, (opened) => body(opened, kind)).pipe(
      Effect.provide(layerOf(kind, directory)),
      Effect.catch((error) => told(error.message)),
      // Of a key that no store can have.
      Effect.catchDefect((defect) =>
        defect instanceof InvalidOptions ? told(defect.message) : Effect.die(defect)
      )
    )
  )

const print = ({ json }: Input, looks: ReadonlyArray<Look>, toText: (look: Look) => string) =>
  Effect.forEach(looks, (look) => Console.log(json ? JSON.stringify(look) : toText(look)), { discard: true })

const unreadable = (looks: ReadonlyArray<Look>): Effect.Effect<void, ReturnType<typeof told>> => {
  const bad = looks.filter(({ state }) => state !== "Healthy")
  return bad.length === 0 ? Effect.void : told(`${bad.length} of ${looks.length} values cannot be read`)
}

/** All keys; and, where each has a file, those files that do not say which. */
const contentOf = (store: Store, kind: Kind, directory: string) =>
  kind === "perKey"
    ? Effect.flatMap(FileSystem.FileSystem, (fs) => listFiles({ fs }, keysOf(directory), ""))
    : Effect.map(Stream.runCollect(store.keys("")), (keys) => ({ keys, unknown: [] }))

const list = Command.make("list", flags, (input) =>
  withStore(input, (store, kind) =>
    Effect.gen(function* () {
      const { keys, unknown } = yield* contentOf(store, kind, input.directory)
      const named = yield* Effect.forEach(keys.toSorted(), (key) => look(store, key))
      const looks = [...named, ...unknown.map(unnamed)]
      yield* print(input, looks, inLine)
      yield* unreadable(looks)
    })
  )
).pipe(Command.withDescription("All keys, and whether their values can be read; fails if one cannot"))

const show = Command.make("show", { ...flags, key }, (input) =>
  withStore(input, (store) =>
    Effect.gen(function* () {
      const found = yield* look(store, input.key)
      if (input.json || found.state === "Healthy") yield* print(input, [found], inFull)
      if (found.state !== "Healthy") return yield* told(found.problem)
    })
  )
).pipe(Command.withDescription("One value, with what belongs to it"))

/** Not while a program is in the middle of something that it has locked the key for. */
const write = (store: Store, { key, schemaVersion, wait }: Repair, value: string) =>
  store
    .transact(key, () => Result.succeed({ _tag: "Write", value, schemaVersion, result: undefined }), {
      wait: Duration.seconds(wait)
    })
    .pipe(Effect.catchTag("LockTimeout", ({ message }) => told(`${message}; --wait waits longer`)))

/** What became of the key, and of the others: one file can have had them all. */
const report = Effect.fnUntraced(function* (
  store: Store,
  { key, schemaVersion, value }: Repair,
  aside: string
) {
  const found = yield* store.read(key)
  const numbers = found === undefined ? "" : `, and version ${found.version} and fence ${found.fence}`
  yield* Console.log(`repaired: the bytes that could not be read are in ${aside}`)
  const what =
    found === undefined
      ? "has no value now"
      : found.value === Option.getOrUndefined(value)
        ? `has the value that was given, as version ${schemaVersion} of its schema${numbers}`
        : `has kept its value, which is whole${numbers}`
  yield* Console.log(`${JSON.stringify(key)} ${what}`)
  const keys = yield* Effect.result(Stream.runCollect(store.keys("")))
  yield* Console.log(
    Result.isSuccess(keys) ? `keys with a value in the store: ${keys.success.length}` : keys.failure.message
  )
})

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
    replace: Flag.Boolean("replace").pipe(
      Flag.withDescription("Write the value also over one that the store can read, and its program cannot"),
      Flag.withDefault(false)
    ),
    wait: Flag.Int("wait").pipe(
      Flag.withDescription(
        "With --replace: how many seconds to wait for whoever has the key locked; 5 when left out"
      ),
      Flag.filter(
        (seconds) => seconds >= 0,
        (seconds) => `a number of seconds, not ${seconds}`
      ),
      Flag.withDefault(5)
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
        if (done._tag === "Repaired") return yield* report(store, input, done.aside)
        const before = yield* store.read(key)
        if (before === undefined) return yield* told(`there is no value of ${JSON.stringify(key)}`)
        if (value === undefined) return yield* Console.log("nothing to repair: the store can read the value")
        if (!input.replace) {
          return yield* told("nothing to repair: the store can read the value, and --replace writes over it")
        }
        // What the store can read, and its program cannot.
        yield* write(store, input, value)
        yield* Console.log(`replaced, as version ${schemaVersion} of its schema. It was ${before.value}`)
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
