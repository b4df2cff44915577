import { assert, describe, it } from "@effect/vitest"
import type { FileSystem } from "effect"
import * as fc from "fast-check"
import { close, fsync, open, write } from "../../src/internal/disk/files.ts"
import { link, rmdir, symlink, unlink } from "../../src/internal/disk/names.ts"
import { everyOutcome, listed, type Machine, machine, seeded } from "./machine.ts"

const calm = () => 0

/** A machine on which `/f` holds `text` for sure. */
const holding = (text: string, choose: (n: number) => number, metadata?: "journalled" | "strict") => {
  const made = machine(choose, { metadata })
  made.write("/f", text)
  made.sync("/f", "/")
  return made
}

/** Every text that `/f` can have after a loss of power, when it had `old` before. */
const textsAfter = (act: (machine: Machine) => void, old = "old") =>
  everyOutcome((choose) => {
    const made = holding(old, choose)
    act(made)
    made.losePower()
    return made.read("/f") ?? "missing"
  })

describe("the bytes of a file after a loss of power", () => {
  it("are those before, one after the other, and a torn piece of the next write", () => {
    assert.deepStrictEqual(
      textsAfter((machine) => machine.write("/f", "12", "a")),
      ["old", "old1", "old12", "old_2"]
    )
  })

  it("may be those of a later write without the earlier", () => {
    const found = textsAfter((machine) => {
      machine.write("/f", "1", "a")
      machine.write("/f", "2", "a")
      machine.write("/f", "3", "a")
    }, "")
    assert.deepStrictEqual(found, ["", "1", "12", "123", "1_3", "_2", "__3"])
  })

  it("may be none after a file was emptied to be written anew", () => {
    const found = textsAfter((machine) => machine.write("/f", "x"))
    assert.deepStrictEqual(found, ["", "old", "x", "xld"])
  })

  it("are all there once the file is synced, whatever is written later", () => {
    const found = textsAfter((machine) => {
      machine.write("/f", "safe", "a")
      machine.sync("/f")
      machine.write("/f", "!", "a")
    })
    assert.deepStrictEqual(found, ["oldsafe", "oldsafe!"])
  })

  it("are counted as lost, and as torn", () => {
    const made = holding("old", listed([1, 1]))
    made.write("/f", "12", "a")
    made.losePower()
    assert.deepStrictEqual([made.read("/f"), made.faults], ["old1", ["disk.loss", "disk.tear"]])
  })

  it("may be lost for good when a sync has failed, as on Linux", () => {
    const left = (choose: (n: number) => number) => {
      const made = machine(choose)
      made.write("/f", "x")
      made.sync("/")
      const descriptor = open(made.volume, "/f", { flag: "r", mode: 0, noFollow: false }, 0)
      made.volume.failures.set(made.volume.operations + 1, "EIO")
      assert.throws(() => fsync(made.volume, descriptor), /EIO/)
      fsync(made.volume, descriptor)
      assert.strictEqual(made.read("/f"), "x")
      made.losePower()
      return made.read("/f") ?? "missing"
    }
    assert.deepStrictEqual([left(calm), left(listed([1]))], ["x", ""])
  })
})

describe("the names after a loss of power", () => {
  const namesAfter = (metadata: "journalled" | "strict", act: (machine: Machine) => void) =>
    everyOutcome((choose) => {
      const made = machine(choose, { metadata })
      made.mkdir("/a")
      made.mkdir("/b")
      made.sync("/")
      act(made)
      made.losePower()
      return made.files()
    })
  const inBoth = (made: Machine) => {
    open(made.volume, "/a/1", { flag: "w", mode: 0, noFollow: false }, 0)
    open(made.volume, "/b/2", { flag: "w", mode: 0, noFollow: false }, 0)
  }

  it("are a prefix of all operations on a journalled disk, and one for each directory on a strict one", () => {
    assert.deepStrictEqual(namesAfter("journalled", inBoth), ["", "/a/1=", "/a/1= /b/2="])
    assert.deepStrictEqual(namesAfter("strict", inBoth), ["", "/a/1=", "/a/1= /b/2=", "/b/2="])
  })

  it("include on a journalled disk what came before the last operation in a synced directory", () => {
    const act = (made: Machine) => {
      inBoth(made)
      made.sync("/b")
    }
    assert.deepStrictEqual(namesAfter("journalled", act), ["/a/1= /b/2="])
    assert.deepStrictEqual(namesAfter("strict", act), ["/a/1= /b/2=", "/b/2="])
  })

  it("can lack, on a strict disk alone, a synced directory whose parent was not synced", () => {
    const act = (made: Machine) => {
      made.mkdir("/a/new")
      made.write("/a/new/f", "x")
      made.sync("/a/new/f", "/a/new")
    }
    assert.deepStrictEqual(namesAfter("journalled", act), ["/a/new/f=x"])
    assert.deepStrictEqual(namesAfter("strict", act), ["", "/a/new/f=x"])
  })

  it("are the old or the new one after a rename; on a strict disk both or none between directories", () => {
    const act = (made: Machine) => {
      made.write("/a/f", "x")
      made.sync("/a/f", "/a")
      made.rename("/a/f", "/b/f")
    }
    assert.deepStrictEqual(namesAfter("journalled", act), ["/a/f=x", "/b/f=x"])
    assert.deepStrictEqual(namesAfter("strict", act), ["", "/a/f=x", "/a/f=x /b/f=x", "/b/f=x"])
    const within = (made: Machine) => {
      made.write("/a/f", "x")
      made.sync("/a/f", "/a")
      made.rename("/a/f", "/a/g")
    }
    assert.deepStrictEqual(namesAfter("strict", within), ["/a/f=x", "/a/g=x"])
  })

  it("never show a directory twice, nor in itself", () => {
    const twice = (made: Machine) => {
      made.write("/a/f", "x")
      made.sync("/a/f", "/a")
      made.rename("/a", "/b/a")
    }
    assert.deepStrictEqual(namesAfter("strict", twice), ["", "/a/f=x", "/b/a/f=x"])
    const circle = (made: Machine) => {
      made.rename("/a", "/b/a")
      made.sync("/b")
      made.rename("/b/a", "/a")
      made.rename("/b", "/a/b")
      made.write("/a/b/f", "x")
      made.sync("/a/b/f", "/a")
      // For sure, now, each of the two is in the other.
      assert.strictEqual(made.durable(), "")
    }
    assert.deepStrictEqual(namesAfter("strict", circle), ["", "/a/b/f=x", "/b/f=x"])
  })

  it("come back after they were removed, with the bytes that they led to", () => {
    const act = (made: Machine) => {
      made.write("/a/f", "x")
      made.sync("/a/f", "/a")
      unlink(made.volume, "/a/f", 0)
    }
    for (const metadata of ["journalled", "strict"] as const) {
      assert.deepStrictEqual(namesAfter(metadata, act), ["", "/a/f=x"])
    }
  })
})

/** Ways to replace the text of `/f` as a whole, from the weakest to the one that is right. */
const recipes = {
  "a write in place": (made: Machine) => made.write("/f", "new"),
  "a rename": (made: Machine) => {
    made.write("/draft", "new")
    made.rename("/draft", "/f")
  },
  "a rename of a synced file": (made: Machine) => {
    made.write("/draft", "new")
    made.sync("/draft")
    made.rename("/draft", "/f")
  },
  "a rename of a synced file in a synced directory": (made: Machine) => {
    made.write("/draft", "new")
    made.sync("/draft")
    made.rename("/draft", "/f")
    made.sync("/")
  }
}

describe.each(["journalled", "strict"] as const)(
  "what %s disks leave of a file that was replaced",
  (metadata) => {
    const found = (recipe: keyof typeof recipes) =>
      everyOutcome((choose) => {
        const made = holding("old", choose, metadata)
        recipes[recipe](made)
        made.losePower()
        return made.read("/f") ?? "missing"
      })

    it("after a write in place can be neither the old text nor the new one", () => {
      assert.includeMembers([...found("a write in place")], ["", "n", "new", "old"])
    })

    it("after a rename can be an empty file", () => {
      assert.deepStrictEqual(found("a rename"), ["", "_ew", "__w", "n", "ne", "new", "old"].sort())
    })

    it("after a rename of a synced file is whole, and can be the old text", () => {
      assert.deepStrictEqual(found("a rename of a synced file"), ["new", "old"])
    })

    it("after a sync of its directory too is the new text", () => {
      assert.deepStrictEqual(found("a rename of a synced file in a synced directory"), ["new"])
    })
  }
)

describe("a search with seeds", () => {
  it("finds each weak recipe for replacing a file, and nothing against the one that is right", () => {
    const failures = Object.values(recipes).map(
      (recipe) =>
        Array.from({ length: 1000 }, (_, seed) => {
          const made = holding("old", seeded(seed))
          recipe(made)
          made.losePower()
          return made.read("/f")
        }).filter((text) => text !== "new").length
    )
    const [inPlace = 0, rename = 0, syncedFile = 0, right] = failures
    assert.isAbove(inPlace, 300)
    assert.isAbove(rename, 300)
    assert.isAbove(syncedFile, 300)
    assert.strictEqual(right, 0)
  })
})

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
    made.sync("/")
    const { volume } = made
    const descriptor = open(volume, "/f", { flag: "a", mode: 0, noFollow: false }, 0)
    for (let i = 0; i < 5000; i++) write(volume, descriptor, 0, Uint8Array.of(65), 0)
    for (let i = 0; i < 5000; i++) {
      symlink(volume, "/f", `/l${i}`, 0)
    }
    close(volume, descriptor)
    made.losePower()
    assert.isAtLeast(made.read("/f")?.length ?? 0, 900)
    assert.isAtLeast(volume.root.entries.size, 900)
    assert.isBelow(volume.root.entries.size, 1000)
  })
})
