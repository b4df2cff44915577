/** A process that uses a store on a disk of its own, or as somebody with few rights, and tells what became of it. */
import { rmSync, statfsSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Effect, Exit } from "effect"
import type { SqliteBackend } from "../../../src/internal/sqlite/backend.ts"
import { tell } from "../../utils/lifeline.ts"
import { alter } from "../support/damage.ts"
import { errorOf, put, row, withStore } from "../support/store.ts"

export interface DiskTask {
  readonly directory: string
  readonly tag: "Fill" | "Use" | "Outgrow"
  /** Whom to become first. */
  readonly user?: number | undefined
}

export interface DiskTold {
  readonly step: string
  /** The tag of an error, with its reason if it has one. */
  readonly outcome: string
}

const say = (step: string) =>
  Effect.match({
    onFailure: (error: { readonly _tag: string; readonly reason?: string }) =>
      tell({ step, outcome: [error._tag, ...(error.reason === undefined ? [] : [error.reason])].join(" ") }),
    onSuccess: (value: unknown) => tell({ step, outcome: JSON.stringify(value) ?? "undefined" })
  })

const valueOf = (backend: SqliteBackend, key: string) =>
  Effect.map(backend.read(key), (found) => found?.stored?.value.slice(0, 10))

/** Leaves no byte free. */
const fillDisk = (ballast: string): void => {
  const { bavail, bsize } = statfsSync(join(ballast, ".."))
  writeFileSync(ballast, Buffer.alloc(bavail * bsize))
}

const fill = (directory: string) =>
  Effect.gen(function* () {
    const store = join(directory, "store")
    const ballast = join(directory, "ballast")
    yield* withStore(store, (backend) =>
      Effect.gen(function* () {
        yield* say("a small value")(put(backend, { a: row("small") }))
        yield* say("a value that is too large")(put(backend, { a: row("l".repeat(2_000_000), 2) }))
        yield* say("reading after it")(valueOf(backend, "a"))
        fillDisk(ballast)
        let version = 2
        // What is in the log already has room for a few.
        const exit = yield* Effect.exit(
          Effect.forever(Effect.suspend(() => put(backend, { a: row(`v${version}`, version++) })))
        )
        yield* say("a disk without room")(Effect.fail(errorOf(exit) ?? { _tag: "none" }))
        const isLast = Effect.map(backend.read("a"), (found) => found?.version === version - 2)
        yield* say("the last that was acknowledged is there")(isLast)
        yield* say("another key")(put(backend, { b: row("other") }))
        rmSync(ballast)
        yield* say("a disk with room again")(put(backend, { a: row("after", 9999) }))
      })
    )
    yield* withStore(store, (backend) =>
      Effect.andThen(
        say("reading when it is opened again")(valueOf(backend, "a")),
        say("reading the other key")(valueOf(backend, "b"))
      )
    )
    alter(store, "UPDATE rows SET value = 'damaged'")
    yield* withStore(store, (backend) =>
      Effect.gen(function* () {
        // Room for the log, but not for what is put aside.
        yield* put(backend, { c: row("x".repeat(20_000)) })
        fillDisk(ballast)
        yield* say("a repair without room")(backend.repair("a", row("x", 10_000)))
      })
    )
    const anew = join(directory, "anew")
    yield* say("making a store without room")(withStore(anew, (backend) => put(backend, { a: row("x") })))
  })

const use = (directory: string) =>
  say("use")(
    withStore(directory, (backend) =>
      Effect.andThen(put(backend, { a: row("new", 2) }), valueOf(backend, "a"))
    )
  )

/** For a process whose files may not grow as large as it writes. */
const outgrow = (directory: string) =>
  withStore(directory, (backend) =>
    Effect.gen(function* () {
      let version = 1
      const next = Effect.suspend(() =>
        put(backend, { a: row(`${version} ${"x".repeat(20_000)}`, version++) })
      )
      const exit = yield* Effect.exit(Effect.forever(next))
      yield* say("a log that may not grow")(Effect.fail(errorOf(exit) ?? { _tag: "none" }))
      const isLast = Effect.map(backend.read("a"), (found) => found?.version === version - 2)
      yield* say("the last that was acknowledged is there")(isLast)
      yield* say("writing after it")(put(backend, { a: row("after", 9999) }))
      yield* say("reading after it")(valueOf(backend, "a"))
    })
  )

const programs = { Fill: fill, Use: use, Outgrow: outgrow }

const { directory, tag, user }: DiskTask = JSON.parse(process.argv[2] ?? "")
if (user !== undefined) {
  process.setgid?.(user)
  process.setuid?.(user)
}
const exit = await Effect.runPromiseExit<void, unknown>(programs[tag](directory))
if (Exit.isFailure(exit)) tell({ step: "all", outcome: String(exit.cause) })
