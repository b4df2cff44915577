/** Changing a durable value under a lock, beside proper-lockfile with write-file-atomic. */
import { Effect } from "effect"
import type { Bench } from "../Bench.ts"
import type { Group, Subject } from "../harness.ts"
import { inFibers, inOneFiber, inPromises, workFor } from "../loops.ts"
import { bareFile, bareSqlite } from "./state/bare.ts"
import {
  makeDirectory,
  modify,
  type OurName,
  type Ours,
  open,
  openPeer,
  type Peer
} from "./state/contenders.ts"
import { processes } from "./state/processes.ts"
import { sizes } from "./state/sizes.ts"

const titles: Record<OurName, string> = { sqlite: "SqliteStateStore", file: "FileStateStore" }

/** Stores that are opened when they are first used, and are closed together. */
class Stores {
  private readonly opened = new Map<OurName, Promise<Ours>>()
  private peer: Promise<Peer> | undefined

  ours(name: OurName, run: (ours: Ours) => (calls: number) => Promise<unknown>): Subject["run"] {
    return async (calls) => {
      const opened = this.opened.get(name) ?? this.open(name)
      this.opened.set(name, opened)
      return run(await opened)(calls)
    }
  }

  /** With a value, as one that was never written is nothing to read. */
  private async open(name: OurName): Promise<Ours> {
    const ours = await open(name, makeDirectory())
    await Effect.runPromise(modify(ours))
    return ours
  }

  theirs(make: (peer: Peer) => () => Promise<void>): Subject["run"] {
    return async (calls) => {
      this.peer ??= openPeer(makeDirectory())
      return inPromises(make(await this.peer))(calls)
    }
  }

  async close(): Promise<void> {
    for (const opened of this.opened.values()) await (await opened).close()
    this.opened.clear()
  }
}

const group = (
  fields: Pick<Group, "name" | "title" | "peer" | "by"> & Partial<Group>,
  subjects: (stores: Stores) => ReadonlyArray<Subject>
): Group => {
  const stores = new Stores()
  return { clock: "wall", ...fields, subjects: subjects(stores), close: () => stores.close() }
}

const libraries = "proper-lockfile and write-file-atomic"

/** What nobody can be faster than on this disk. */
const least = (name: string, make: (directory: string) => () => void): Subject => {
  let change: (() => void) | undefined
  return {
    name,
    run: async (calls) => {
      change ??= make(makeDirectory())
      for (let call = 0; call < calls; call++) change()
      return undefined
    },
    note: "the least on this disk: no lock, no checks"
  }
}

const one: Group = group(
  { name: "modify", title: "a change of 1 KB, one after the other", peer: libraries, by: "speed" },
  (stores) => {
    const inTurn = (name: OurName, target: number): Subject => ({
      name: titles[name],
      run: stores.ours(name, (ours) => inOneFiber(() => modify(ours))),
      target
    })
    return [
      { name: libraries, run: stores.theirs(({ modify: change }) => change) },
      inTurn("sqlite", 150),
      inTurn("file", 8),
      least("node:sqlite, a transaction", bareSqlite),
      least("node:fs, a new file, and its directory", bareFile)
    ]
  }
)

const fibers = 1000

const shared = (name: OurName): Group => {
  const peer = "one after the other"
  return group(
    {
      name: `shared-${name}`,
      title: `${titles[name]}: changes of 1 KB that share commits`,
      peer,
      by: "speed"
    },
    (stores) => [
      { name: peer, run: stores.ours(name, (ours) => inOneFiber(() => modify(ours))) },
      {
        name: "1,000 at once",
        run: stores.ours(name, (ours) => inFibers(fibers, () => modify(ours))),
        multiple: fibers,
        target: 10
      }
    ]
  )
}

const limitMicros = 2

const get: Group = group(
  {
    name: "get",
    title: "reading a value that has not changed",
    peer: `${limitMicros} µs of fixed work`,
    by: "total",
    clock: "processor"
  },
  (stores) => {
    const read = (name: OurName): Subject => ({
      name: titles[name],
      run: stores.ours(name, ({ state }) => inOneFiber(() => state.get)),
      target: 1
    })
    return [
      {
        name: `${limitMicros} µs of fixed work`,
        run: inOneFiber(() => Effect.sync(() => workFor(limitMicros, 1)))
      },
      read("sqlite"),
      read("file")
    ]
  }
)

const lease: Group = group(
  {
    name: "lease",
    title: "a lock, and nothing in it (for information)",
    peer: "proper-lockfile",
    by: "speed"
  },
  (stores) => {
    const inTurn = (name: OurName): Subject => ({
      name: titles[name],
      run: stores.ours(name, (ours) => inOneFiber(() => ours.lease)),
      note: "with a fence, which is durable"
    })
    return [
      { name: "proper-lockfile", run: stores.theirs((peer) => peer.lease), note: "no fence" },
      inTurn("sqlite"),
      inTurn("file")
    ]
  }
)

export const state: Bench = {
  name: "state",
  summary: "durable changes under a lock, beside proper-lockfile and write-file-atomic",
  groups: [one, shared("sqlite"), shared("file"), get, lease],
  trials: [processes, sizes],
  memory: []
}
