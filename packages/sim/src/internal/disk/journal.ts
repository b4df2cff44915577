/**
 * The changes of names that were made and are not all on the disk yet, in the order in which they were made.
 *
 * A file system may keep more order than it promises. One with a journal loses a suffix of all that was done,
 * across directories; the minimum that POSIX allows is that each directory loses on its own. A program that
 * is right for one of the two can be wrong for the other, so both are searched.
 */
import type { DirectoryNode, Node } from "./inode.ts"
import type { World } from "./model.ts"

/** `name` in `directory` now stands for `node`, or for nothing. */
export interface EntryChange {
  readonly directory: DirectoryNode
  readonly name: string
  readonly node: Node | undefined
}

/** One operation, which happens as a whole in each directory: a rename changes two names. */
interface Operation {
  readonly order: number
  /** Those whose directory has not been synced since. */
  unsynced: ReadonlyArray<EntryChange>
}

export interface Journal {
  operations: Array<Operation>
  recorded: number
  /** The order of the last operation that a journalled file system has committed for sure. */
  committed: number
}

/** A disk may keep its names in a journal, or each directory by itself. */
export type Metadata = "journalled" | "strict"

/** So many operations wait at most; file systems too commit by themselves every few seconds. */
const maxPending = 4096

export const makeJournal = (): Journal => ({ operations: [], recorded: 0, committed: 0 })

const makeDurable = ({ directory, name, node }: EntryChange): void => {
  if (node === undefined) directory.durable.delete(name)
  else directory.durable.set(name, node)
}

export const record = (journal: Journal, changes: ReadonlyArray<EntryChange>): void => {
  journal.operations.push({ order: ++journal.recorded, unsynced: changes })
  if (journal.operations.length <= maxPending) return
  const oldest = journal.operations.shift()
  if (oldest === undefined) return
  oldest.unsynced.forEach(makeDurable)
  journal.committed = Math.max(journal.committed, oldest.order)
}

/** Makes the names in a directory durable. A journal is written in order, so that all before goes along. */
export const syncDirectory = (
  journal: Journal,
  directory: DirectoryNode,
  metadata: Metadata | undefined
): void => {
  const isHere = (change: EntryChange) => change.directory === directory
  const last = journal.operations.findLast(({ unsynced }) => unsynced.some(isHere))
  if (last === undefined) return
  journal.committed = Math.max(journal.committed, last.order)
  for (const operation of journal.operations) {
    const isCommitted = metadata === "journalled" && operation.order <= last.order
    const isWritten = (change: EntryChange) => isCommitted || isHere(change)
    operation.unsynced.filter(isWritten).forEach(makeDurable)
    operation.unsynced = operation.unsynced.filter((change) => !isWritten(change))
  }
  journal.operations = journal.operations.filter(({ unsynced }) => unsynced.length > 0)
}

/** The first of `length` things that survive: all of them when calm. */
const keep = (length: number, choose: World["choose"]): number =>
  length === 0 ? 0 : length - choose(length + 1)

const surviveJournalled = (journal: Journal, choose: World["choose"]): ReadonlyArray<EntryChange> => {
  const open = journal.operations.filter((operation) => operation.order > journal.committed).length
  const committed = journal.operations.length - open
  return journal.operations.slice(0, committed + keep(open, choose)).flatMap(({ unsynced }) => unsynced)
}

const surviveStrict = (journal: Journal, choose: World["choose"]): ReadonlyArray<EntryChange> => {
  const perDirectory = new Map<DirectoryNode, Array<ReadonlyArray<EntryChange>>>()
  for (const { unsynced } of journal.operations) {
    for (const directory of new Set(unsynced.map((change) => change.directory))) {
      const operations = perDirectory.get(directory) ?? []
      perDirectory.set(directory, operations)
      operations.push(unsynced.filter((change) => change.directory === directory))
    }
  }
  return Array.from(perDirectory.values()).flatMap((operations) =>
    operations.slice(0, keep(operations.length, choose)).flat()
  )
}

/** What a loss of power did to the names. */
export interface NameLoss {
  readonly metadata: Metadata
  readonly lost: number
  readonly pending: number
}

/** Power is lost: the durable entries of all directories become what survives. */
export const lose = (
  journal: Journal,
  metadata: Metadata | undefined,
  choose: World["choose"]
): NameLoss | undefined => {
  const pending = journal.operations.flatMap(({ unsynced }) => unsynced).length
  if (pending === 0) return undefined
  const drawn = metadata ?? (choose(2) === 0 ? "journalled" : "strict")
  const survivors =
    drawn === "journalled" ? surviveJournalled(journal, choose) : surviveStrict(journal, choose)
  survivors.forEach(makeDurable)
  journal.operations = []
  return { metadata: drawn, lost: pending - survivors.length, pending }
}
