import { assert, describe, it } from "@effect/vitest"
import type { FileSystem } from "effect"
import * as fc from "fast-check"
import { durable, snapshot } from "../../src/internal/disk/crash.ts"
import { close, open, write } from "../../src/internal/disk/files.ts"
import { link, rmdir, symlink, unlink } from "../../src/internal/disk/names.ts"
import { type Machine, machine, seeded } from "./machine.ts"

const calm = () => 0

const paths = ["/a", "/b", "/d", "/d/a", "/d/e", "/d/e/a"] as const
const path = fc.constantFrom(...paths)

/** What a program does to a machine; what the machine refuses, it refuses. */
const step: fc.Arbitrary<(made: Machine) => void> = fc.oneof(
  fc
    .tuple(
      path,
      fc.constantFrom<FileSystem.OpenFlag>("w", "a", "r+"),
      fc.string({ minLength: 1, maxLength: 5 })
    )
    .map(
      ([path, flag, text]) =>
        (made: Machine) =>
          made.write(path, text, flag)
    ),
  fc.tuple(path, path).map(
    ([from, to]) =>
      (made: Machine) =>
        made.rename(from, to)
  ),
  fc.tuple(path, path).map(
    ([from, to]) =>
      (made: Machine) =>
        link(made.volume, from, to, 0)
  ),
  path.map((path) => (made: Machine) => made.mkdir(path)),
  path.map((path) => (made: Machine) => unlink(made.volume, path, 0)),
  path.map((path) => (made: Machine) => rmdir(made.volume, path, 0)),
  path.map((path) => (made: Machine) => made.sync(path)),
  fc.constant((made: Machine) => made.sync("/"))
)

const attempt = (act: () => void): void => {
  try {
    act()
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error
  }
}

const syncEverything = (made: Machine) => {
  made.sync("/")
  for (const path of paths) attempt(() => made.sync(path))
}

/** The size that the volume has counted is that of the files, each once. */
const assertAccounts = ({ volume }: Machine) => {
  const sizes = new Map<number, number>()
  const visit = (directory: Machine["volume"]["root"]): void => {
    for (const [name, node] of directory.entries) {
      if (node.kind === "file") sizes.set(node.inode, node.content.seen.length)
      if (node.kind !== "directory") continue
      assert.deepStrictEqual([node.parent, node.name], [directory, name])
      visit(node)
    }
  }
  visit(volume.root)
  assert.strictEqual(
    volume.usedBytes,
    Array.from(sizes.values()).reduce((sum, size) => sum + size, 0)
  )
}

describe("any program", () => {
  const steps = fc.array(step, { maxLength: 25, size: "max" })
  const run = (made: Machine, program: ReadonlyArray<(made: Machine) => void>) => {
    for (const act of program) attempt(() => act(made))
  }
  const metadata = fc.constantFrom(undefined, "journalled" as const, "strict" as const)

  it("loses nothing in a loss of power that is calm", () => {
    fc.assert(
      fc.property(steps, metadata, (program, metadata) => {
        const made = machine(calm, { metadata })
        run(made, program)
        const before = made.files()
        assertAccounts(made)
        made.losePower()
        assert.strictEqual(made.files(), before)
        assertAccounts(made)
        assert.deepStrictEqual(made.faults, [])
      }),
      { seed: 1, numRuns: 500 }
    )
  })

  it("never loses what is synced, files and directories", () => {
    fc.assert(
      fc.property(steps, metadata, fc.nat(), (program, metadata, seed) => {
        const made = machine(seeded(seed), { metadata })
        run(made, program)
        syncEverything(made)
        const before = made.files()
        assert.strictEqual(made.durable(), before)
        made.losePower()
        assert.strictEqual(made.files(), before)
      }),
      { seed: 2, numRuns: 500 }
    )
  })

  it("is left with the names that are durable by a loss of power that takes all names", () => {
    fc.assert(
      fc.property(steps, metadata, (program, metadata) => {
        const made = machine((n) => n - 1, { metadata })
        run(made, program)
        const names = Array.from(durable(made.volume).keys())
        made.losePower()
        assert.deepStrictEqual(Array.from(snapshot(made.volume).keys()), names)
      }),
      { seed: 4, numRuns: 1000 }
    )
  })

  it("finds after a loss of power a disk that is sound, works, and holds all that it shows for sure", () => {
    fc.assert(
      fc.property(steps, steps, metadata, fc.nat(), (program, later, metadata, seed) => {
        const made = machine(seeded(seed), { metadata })
        run(made, program)
        made.losePower()
        assertAccounts(made)
        assert.strictEqual(made.durable(), made.files())
        run(made, later)
        assertAccounts(made)
        made.losePower()
        assertAccounts(made)
      }),
      { seed: 3, numRuns: 500 }
    )
  })
})

describe("what waits to be written", () => {
  it("is bounded: the oldest is written out without a sync", () => {
    const made = machine((n) => n - 1)
    made.write("/f", "x")
    made.sync("/f", "/")
    const { volume } = made
    const descriptor = open(volume, "/f", { flag: "a", mode: 0, noFollow: false }, 0)
    for (let i = 0; i < 5000; i++) write(volume, descriptor, 0, Uint8Array.of(65), 0)
    for (let i = 0; i < 5000; i++) {
      symlink(volume, "/f", `/l${i}`, 0)
    }
    close(volume, descriptor)
    assert.strictEqual(made.durable(), `/f=x${"A".repeat(5000 - 4096)}`)
    made.losePower()
    // Beside `/f` and `/tmp`.
    assert.strictEqual(volume.root.entries.size, 2 + 5000 - 4096)
  })
})
