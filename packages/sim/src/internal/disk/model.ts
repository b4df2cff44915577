/**
 * A disk with a file system on it, in memory: its state, and what every operation has in common.
 *
 * The operations are in `names.ts` (what changes directories), `files.ts` (what works on descriptors and
 * attributes) and `crash.ts`. They are plain functions that throw an `Errno`; nothing in them waits, and time
 * is an argument.
 */
import type { FileSystem } from "effect"
import { seenBytes } from "./content.ts"
import { Errno } from "./errno.ts"
import { type DirectoryNode, type FileNode, makeDirectory, type Node } from "./inode.ts"
import { type EntryChange, type Journal, type Metadata, makeJournal, record } from "./journal.ts"

/** What a simulated thing needs of the simulation. */
export interface World {
  /** One of 0…n−1, where 0 is calm. */
  readonly choose: (n: number) => number
  /** A fault of this kind has done something to somebody. */
  readonly faultTookEffect: (kind: string, text: string) => void
  /** A line for the trace. */
  readonly note: (text: string) => void
}

/** The faults that a disk reports. */
export type Fault = "disk.loss" | "disk.tear" | "disk.EIO" | "disk.ENOSPC" | "disk.EROFS"

/** What an operation can be made to fail with. */
export type FailureCode = "EIO" | "ENOSPC"

export interface Settings {
  readonly capacityBytes?: number | undefined
  /** Drawn for each loss of power when left out. */
  readonly metadata?: Metadata | undefined
}

/** Something has changed at a name, as a watcher sees it. */
export interface Change {
  readonly tag: FileSystem.WatchEvent["_tag"]
  readonly directory: DirectoryNode
  readonly name: string
}

/** How a file is open. */
export interface Access {
  readonly read: boolean
  readonly write: boolean
  readonly append: boolean
}

/** An open file, with the name by which it was opened. */
export interface Descriptor extends Access {
  readonly number: number
  readonly node: FileNode | DirectoryNode
  readonly directory: DirectoryNode
  readonly name: string | undefined
  isOpen: boolean
}

/** What one process of the machine has of the disk, to be taken from it when it ends. */
export interface Process {
  readonly descriptors: Set<Descriptor>
  readonly watchers: Set<(change: Change) => void>
  /** It makes no more system calls. */
  hasEnded: boolean
}

export interface Volume {
  readonly world: World
  readonly metadata: Metadata | undefined
  readonly root: DirectoryNode
  readonly journal: Journal
  readonly descriptors: Set<Descriptor>
  readonly watchers: Set<(change: Change) => void>
  /** Those that have a view of their own; what else is open belongs to whoever uses the disk's own file system. */
  readonly processes: Set<Process>
  /** By the number of the operation that is to fail. */
  readonly failures: Map<number, FailureCode>
  capacityBytes: number
  /**
   * What the files hold. After a loss of power it may exceed the capacity: what was removed can come back.
   */
  usedBytes: number
  isReadOnly: boolean
  operations: number
  inodes: number
  opened: number
}

/** A volume lives in memory: a program that needs more than this would be better off with less. */
const defaultCapacityBytes = 1024 ** 3

/** What a disk may hold. */
export const capacityOf = (bytes: number | undefined): number => {
  if (bytes === undefined) return defaultCapacityBytes
  if (bytes >= 0) return bytes
  throw new RangeError(`Disk: a capacity is a number of bytes, 0 or more; got ${bytes}`)
}

/** An empty disk: a root, and `/tmp` in it. */
export const makeVolume = (world: World, settings: Settings, nowMillis: number): Volume => {
  const root = makeDirectory(1, 0o755, nowMillis)
  const temporary = makeDirectory(2, 0o777, nowMillis)
  temporary.parent = root
  temporary.name = "tmp"
  temporary.links = 1
  root.entries.set("tmp", temporary)
  root.durable.set("tmp", temporary)
  return {
    world,
    metadata: settings.metadata,
    root,
    journal: makeJournal(),
    descriptors: new Set(),
    watchers: new Set(),
    processes: new Set(),
    failures: new Map(),
    capacityBytes: capacityOf(settings.capacityBytes),
    usedBytes: 0,
    isReadOnly: false,
    operations: 0,
    inodes: 2,
    opened: 2
  }
}

const refuse = (volume: Volume, code: "EIO" | "ENOSPC" | "EROFS", text: string): never => {
  volume.world.faultTookEffect(`disk.${code}` satisfies Fault, text)
  throw new Errno(code)
}

/** Every operation but `close` begins here: it is counted, noted, and may have been chosen to fail. */
export const begin = (volume: Volume, text: string): void => {
  volume.operations++
  volume.world.note(text)
  const code = volume.failures.get(volume.operations)
  if (code === undefined) return
  volume.failures.delete(volume.operations)
  refuse(volume, code, `${text} failed with ${code}`)
}

/** Called when an operation is otherwise valid, right before it changes something. */
export const assertWritable = (volume: Volume): void => {
  if (volume.isReadOnly) refuse(volume, "EROFS", "a change was refused: the disk is read-only")
}

/** How many of `bytes` more still fit; fails when there is no room for any. */
export const reserve = (volume: Volume, bytes: number): number => {
  const room = Math.max(0, volume.capacityBytes - volume.usedBytes)
  if (bytes <= room) return bytes
  const { faultTookEffect } = volume.world
  if (room === 0) refuse(volume, "ENOSPC", `no room for ${bytes} bytes`)
  faultTookEffect("disk.ENOSPC" satisfies Fault, `room for ${room} of ${bytes} bytes`)
  return room
}

export const announce = (
  volume: Volume,
  tag: Change["tag"],
  directory: DirectoryNode,
  name: string
): void => {
  for (const watcher of volume.watchers) watcher({ tag, directory, name })
}

/** Gives the room of a file back that neither a name nor a descriptor holds any longer. */
export const releaseUnused = (volume: Volume, node: Node): void => {
  if (node.kind === "file" && node.links === 0 && node.opened === 0) {
    volume.usedBytes -= seenBytes(node.content).length
  }
}

/** Changes names, as one operation. */
export const changeEntries = (
  volume: Volume,
  nowMillis: number,
  changes: ReadonlyArray<EntryChange>
): void => {
  assertWritable(volume)
  const displaced: Array<Node> = []
  for (const { directory, name, node } of changes) {
    const before = directory.entries.get(name)
    if (before !== undefined) {
      before.links--
      displaced.push(before)
    }
    if (node === undefined) directory.entries.delete(name)
    else enter(directory, name, node)
    directory.mtimeMillis = nowMillis
  }
  record(volume.journal, changes)
  for (const node of displaced) releaseUnused(volume, node)
  for (const { directory, name, node } of changes) {
    announce(volume, node === undefined ? "Remove" : "Create", directory, name)
  }
}

export const enter = (directory: DirectoryNode, name: string, node: Node): void => {
  directory.entries.set(name, node)
  node.links++
  if (node.kind !== "directory") return
  node.parent = directory
  node.name = name
}
