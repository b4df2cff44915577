import { assert, describe, it } from "@effect/vitest"
import { fsync, open } from "../../src/internal/disk/files.ts"
import { unlink } from "../../src/internal/disk/names.ts"
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

  it("are zero where a file was cut and has grown again", () => {
    const found = textsAfter((machine) => {
      machine.resize("/f", 1)
      machine.resize("/f", 3)
      machine.sync("/f")
    })
    assert.deepStrictEqual(found, ["o__"])
  })

  it("are only those of before when what was written after the first loss is lost in a second", () => {
    const made = holding("old", (n) => n - 1)
    made.losePower()
    made.write("/f", "new", "r+")
    assert.deepStrictEqual([made.read("/f"), made.durable()], ["new", "/f=old"])
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

  it("are chosen to be those of a journalled or of a strict disk, the first of which is calm", () => {
    const namesFor = (choices: ReadonlyArray<number>) => {
      const made = machine(listed(choices))
      made.mkdir("/a")
      made.mkdir("/b")
      made.sync("/")
      inBoth(made)
      made.losePower()
      return made.files()
    }
    assert.strictEqual(namesFor([0, 1]), "/a/1=")
    assert.strictEqual(namesFor([1, 1]), "/b/2=")
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

  it("are the new one alone once a rename between directories is in the journal, and are durable so", () => {
    const durable = new Set<string>()
    const act = (made: Machine) => {
      made.write("/a/x", "x")
      made.sync("/a/x", "/a")
      made.rename("/a/x", "/b/x")
      made.sync("/b")
      durable.add(made.durable())
    }
    assert.deepStrictEqual(namesAfter("journalled", act), ["/b/x=x"])
    assert.deepStrictEqual(Array.from(durable), ["/b/x=x"])
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
