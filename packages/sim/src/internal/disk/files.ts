/** The operations on open files, and on what a file is besides its bytes. Each is a system call. */
import type { FileSystem } from "effect"
import { change, forget, seenBytes, sync } from "./content.ts"
import { Errno } from "./errno.ts"
import { type DirectoryNode, type FileNode, makeFile, type Node } from "./inode.ts"
import { syncDirectory } from "./journal.ts"
import { existing, locate, nodeOf } from "./locate.ts"
import {
  type Access,
  announce,
  assertWritable,
  begin,
  changeEntries,
  type Descriptor,
  releaseUnused,
  reserve,
  type Volume
} from "./model.ts"

interface How extends Access {
  readonly create: boolean
  readonly exclusive: boolean
  readonly truncate: boolean
}

const how = (letter: "r" | "w" | "a", exclusive: boolean, plus: boolean): How => ({
  read: plus || letter === "r",
  write: plus || letter !== "r",
  append: letter === "a",
  create: letter !== "r",
  exclusive,
  truncate: letter === "w"
})

const flags: Readonly<Record<FileSystem.OpenFlag, How>> = {
  r: how("r", false, false),
  "r+": how("r", false, true),
  w: how("w", false, false),
  wx: how("w", true, false),
  "w+": how("w", false, true),
  "wx+": how("w", true, true),
  a: how("a", false, false),
  ax: how("a", true, false),
  "a+": how("a", false, true),
  "ax+": how("a", true, true)
}

/** The types allow no other; a program may have it from elsewhere. */
export const isFlag = (flag: string): boolean => Object.hasOwn(flags, flag)

export interface OpenOptions {
  readonly flag: FileSystem.OpenFlag
  readonly mode: number
  readonly noFollow: boolean
}

/** What is opened, or where it will be created. */
interface Target {
  readonly parent: DirectoryNode
  readonly name: string | undefined
  readonly node: FileNode | DirectoryNode | undefined
}

const targetOf = (volume: Volume, path: string, how: How, noFollow: boolean): Target => {
  const endsWithSlash = how.create && path.endsWith("/")
  const follow = !how.exclusive && !noFollow && !endsWithSlash
  const place = locate(volume.root, endsWithSlash ? path.replace(/\/+$/, "") : path, follow)
  // Nothing that is created by opening it is a directory, whatever is there.
  const { parent, name } = place
  if (endsWithSlash || (how.create && place.asDirectory && name !== undefined)) throw new Errno("EISDIR")
  if (place.node === undefined && how.create) return { parent, name, node: undefined }
  const node = nodeOf(place)
  if (how.exclusive) throw new Errno("EEXIST")
  if (node.kind === "symlink") throw new Errno("ELOOP")
  if (node.kind === "directory" && how.write) throw new Errno("EISDIR")
  return { parent, name, node }
}

const create = (volume: Volume, { name, parent }: Target, mode: number, nowMillis: number): FileNode => {
  if (name === undefined) throw new Errno("EISDIR")
  const node = makeFile(++volume.inodes, mode, nowMillis)
  changeEntries(volume, nowMillis, [{ directory: parent, name, node }])
  return node
}

export const open = (volume: Volume, path: string, options: OpenOptions, nowMillis: number): Descriptor => {
  begin(volume, `open ${path} ${options.flag}`)
  const how = flags[options.flag]
  const target = targetOf(volume, path, how, options.noFollow)
  const { parent: directory, name, node: found } = target
  const node = found ?? create(volume, target, options.mode, nowMillis)
  const { read, write, append } = how
  if (write) assertWritable(volume)
  const number = ++volume.opened
  const descriptor: Descriptor = { read, write, append, number, node, directory, name, isOpen: true }
  if (node.kind === "file") {
    if (how.truncate && found !== undefined) setLength(volume, descriptor, node, 0, nowMillis)
    node.opened++
  }
  volume.descriptors.add(descriptor)
  return descriptor
}

/** Never fails: a descriptor that a crash took is closed already. */
export const close = (volume: Volume, descriptor: Descriptor): void => {
  if (!descriptor.isOpen) return
  descriptor.isOpen = false
  volume.descriptors.delete(descriptor)
  const { node, number } = descriptor
  if (node.kind !== "file") return
  if (node.lockedBy === number) {
    node.lockedBy = undefined
    volume.world.note(`${number} gives its lock back`)
  }
  node.opened--
  releaseUnused(volume, node)
}

const assertOpen = (descriptor: Descriptor): void => {
  if (!descriptor.isOpen) throw new Errno("EBADF")
}

const fileOf = (descriptor: Descriptor): FileNode => {
  if (descriptor.node.kind === "directory") throw new Errno("EISDIR")
  return descriptor.node
}

const touched = (volume: Volume, { directory, name, node }: Descriptor, nowMillis: number): void => {
  node.mtimeMillis = nowMillis
  if (name !== undefined && directory.entries.get(name) === node) announce(volume, "Update", directory, name)
}

/** Up to `size` bytes from `position` on, in an array of their own; none at the end of the file. */
export const read = (volume: Volume, descriptor: Descriptor, position: number, size: number): Uint8Array => {
  begin(volume, `read ${descriptor.number} ${size} bytes at ${position}`)
  assertOpen(descriptor)
  if (!descriptor.read) throw new Errno("EBADF")
  return seenBytes(fileOf(descriptor).content).slice(position, position + size)
}

/** How many bytes were written: fewer than asked for when the disk is full. */
export const write = (
  volume: Volume,
  descriptor: Descriptor,
  position: number,
  bytes: Uint8Array,
  nowMillis: number
): number => {
  begin(volume, `write ${descriptor.number} ${bytes.length} bytes at ${descriptor.append ? "end" : position}`)
  assertOpen(descriptor)
  if (!descriptor.write) throw new Errno("EBADF")
  const { content } = fileOf(descriptor)
  assertWritable(volume)
  if (bytes.length === 0) return 0
  const { length } = seenBytes(content)
  const at = descriptor.append ? length : position
  const growth = Math.max(0, at + bytes.length - length)
  const room = reserve(volume, growth)
  const count = bytes.length - (growth - room)
  // What is left of the room is less than the hole in front of the bytes.
  if (count <= 0) throw new Errno("ENOSPC")
  volume.usedBytes += room
  change(content, { kind: "write", at, bytes: bytes.slice(0, count) })
  touched(volume, descriptor, nowMillis)
  return count
}

const setLength = (
  volume: Volume,
  descriptor: Descriptor,
  node: FileNode,
  length: number,
  nowMillis: number
): void => {
  const growth = length - seenBytes(node.content).length
  if (growth > 0 && reserve(volume, growth) < growth) throw new Errno("ENOSPC")
  volume.usedBytes += growth
  if (growth !== 0) change(node.content, { kind: "resize", length })
  touched(volume, descriptor, nowMillis)
}

export const truncate = (volume: Volume, descriptor: Descriptor, length: number, nowMillis: number): void => {
  begin(volume, `truncate ${descriptor.number} to ${length} bytes`)
  assertOpen(descriptor)
  if (!descriptor.write) throw new Errno("EINVAL")
  assertWritable(volume)
  setLength(volume, descriptor, fileOf(descriptor), length, nowMillis)
}

/** Makes the bytes of a file durable, or the names in a directory; the name of a file is its directory's. */
export const fsync = (volume: Volume, descriptor: Descriptor): void => {
  const { node, number } = descriptor
  try {
    begin(volume, `sync ${number}`)
  } catch (error) {
    // Known as fsyncgate: after a failed sync Linux may take the pages for written.
    if (node.kind === "file" && node.content.pending.length > 0 && volume.world.choose(2) === 1) {
      forget(node.content)
      volume.world.note(`sync ${number} gave its changes up`)
    }
    throw error
  }
  assertOpen(descriptor)
  if (node.kind === "directory") syncDirectory(volume.journal, node, volume.metadata)
  else sync(node.content)
}

/**
 * Locks a file for a descriptor, if no other one has it: an OFD lock of Linux, exclusive, on the whole file. It is
 * given back when the descriptor is closed.
 */
export const lock = (volume: Volume, descriptor: Descriptor): boolean => {
  const { number } = descriptor
  begin(volume, `lock ${number}`)
  assertOpen(descriptor)
  const file = fileOf(descriptor)
  if (file.lockedBy !== undefined) {
    volume.world.note(`lock ${number} is refused: ${file.lockedBy} has it`)
    return false
  }
  file.lockedBy = number
  return true
}

/** Whether a descriptor has the lock of the file, this one or another. */
export const isLocked = (volume: Volume, descriptor: Descriptor): boolean => {
  begin(volume, `look at the lock of ${descriptor.number}`)
  assertOpen(descriptor)
  return fileOf(descriptor).lockedBy !== undefined
}

/** What is known about a file besides its bytes, at one instant. */
export interface Status {
  readonly kind: Node["kind"]
  readonly inode: number
  readonly mode: number
  readonly uid: number
  readonly gid: number
  readonly links: number
  readonly sizeBytes: number
  readonly atimeMillis: number
  readonly mtimeMillis: number
  readonly birthtimeMillis: number
}

/** What file systems usually show as the size of a directory. */
const directorySizeBytes = 4096

const sizeOf = (node: Node): number => {
  if (node.kind === "directory") return directorySizeBytes
  return node.kind === "file" ? seenBytes(node.content).length : Buffer.byteLength(node.target)
}

const linksOf = (node: Node): number => {
  if (node.kind !== "directory") return node.links
  // Its own `.`, its name, and the `..` of each directory in it.
  return 2 + Array.from(node.entries.values()).filter(({ kind }) => kind === "directory").length
}

const statusOf = (node: Node): Status => {
  const { kind, inode, mode, uid, gid, atimeMillis, mtimeMillis, birthtimeMillis } = node
  const times = { atimeMillis, mtimeMillis, birthtimeMillis }
  return { kind, inode, mode, uid, gid, ...times, links: linksOf(node), sizeBytes: sizeOf(node) }
}

export const stat = (volume: Volume, path: string, follow: boolean): Status => {
  begin(volume, `${follow ? "stat" : "lstat"} ${path}`)
  return statusOf(existing(volume.root, path, follow))
}

export const fstat = (volume: Volume, descriptor: Descriptor): Status => {
  begin(volume, `stat ${descriptor.number}`)
  assertOpen(descriptor)
  return statusOf(descriptor.node)
}

export const access = (volume: Volume, path: string, forWriting: boolean): void => {
  begin(volume, `access ${path}`)
  existing(volume.root, path, true)
  if (forWriting) assertWritable(volume)
}

/** Attributes are durable at once. */
const setAttributes = (
  volume: Volume,
  path: string,
  text: string,
  attributesOf: (node: Node) => Partial<Pick<Node, "mode" | "uid" | "gid" | "atimeMillis" | "mtimeMillis">>
): void => {
  begin(volume, `${text} ${path}`)
  const place = locate(volume.root, path, true)
  const { name, parent } = place
  const node = nodeOf(place)
  assertWritable(volume)
  Object.assign(node, attributesOf(node))
  if (name !== undefined) announce(volume, "Update", parent, name)
}

export const chmod = (volume: Volume, path: string, mode: number): void =>
  setAttributes(volume, path, "chmod", () => ({ mode }))

/** Both stand for "as it is": the second is the first, without a sign. */
const sameOwners: ReadonlyArray<number> = [-1, 2 ** 32 - 1]

export const chown = (volume: Volume, path: string, uid: number, gid: number): void =>
  setAttributes(volume, path, "chown", (node) => ({
    uid: sameOwners.includes(uid) ? node.uid : uid,
    gid: sameOwners.includes(gid) ? node.gid : gid,
    mode: node.kind === "directory" ? node.mode : withoutSetId(node.mode)
  }))

/** A program that runs as its owner does not do so for the next one. */
const withoutSetId = (mode: number): number => mode & ~((mode & 0o010) === 0 ? 0o4000 : 0o6000)

export const utimes = (volume: Volume, path: string, atimeMillis: number, mtimeMillis: number): void =>
  setAttributes(volume, path, "utimes", () => ({ atimeMillis, mtimeMillis }))
