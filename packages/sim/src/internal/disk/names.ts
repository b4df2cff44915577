/** The operations that change or read names. Each is a system call; they fail as those of Linux do. */
import { type Code, Errno } from "./errno.ts"
import { isWithin, makeDirectory, makeLink, type Node, pathOf } from "./inode.ts"
import type { EntryChange } from "./journal.ts"
import { encoded, existing, locate, nodeOf, type Place } from "./locate.ts"
import { begin, changeEntries, type Volume } from "./model.ts"

/** A name that is about to change: a slash behind it does not lead through a link. */
interface Entrance extends Omit<Place, "asDirectory"> {
  readonly hasSlash: boolean
}

const entrance = (volume: Volume, path: string): Entrance => {
  const bare = path.replace(/(?<=.)\/+$/, "")
  return { ...locate(volume.root, bare, false), hasSlash: path.endsWith("/") }
}

/** The place for a new name. */
const newPlace = (volume: Volume, path: string) => {
  const { hasSlash, name, node, parent } = entrance(volume, path)
  if (node !== undefined || name === undefined) throw new Errno("EEXIST")
  return { parent, name, hasSlash }
}

export const mkdir = (volume: Volume, path: string, mode: number, nowMillis: number): void => {
  begin(volume, `mkdir ${path}`)
  const { parent, name } = newPlace(volume, path)
  const node = makeDirectory(++volume.inodes, mode, nowMillis)
  changeEntries(volume, nowMillis, [{ directory: parent, name, node }])
}

/** Why there is no name at the end of a path that could be removed. */
const endOf = (path: string): Code => {
  const last = path.split("/").findLast((name) => name !== "")
  if (last === undefined) return "EBUSY"
  return last === ".." ? "ENOTEMPTY" : "EINVAL"
}

export const rmdir = (volume: Volume, path: string, nowMillis: number): void => {
  begin(volume, `rmdir ${path}`)
  const { parent, name, node } = entrance(volume, path)
  if (node === undefined) throw new Errno("ENOENT")
  if (name === undefined) throw new Errno(endOf(path))
  if (node.kind !== "directory") throw new Errno("ENOTDIR")
  if (node.entries.size > 0) throw new Errno("ENOTEMPTY")
  changeEntries(volume, nowMillis, [{ directory: parent, name, node: undefined }])
}

export const unlink = (volume: Volume, path: string, nowMillis: number): void => {
  begin(volume, `unlink ${path}`)
  const { hasSlash, name, node, parent } = entrance(volume, path)
  if (node === undefined) throw new Errno("ENOENT")
  if (name === undefined || node.kind === "directory") throw new Errno("EISDIR")
  if (hasSlash) throw new Errno("ENOTDIR")
  changeEntries(volume, nowMillis, [{ directory: parent, name, node: undefined }])
}

/** The place for a new name of something that is no directory. */
const newFilePlace = (volume: Volume, path: string) => {
  const place = newPlace(volume, path)
  if (place.hasSlash) throw new Errno("ENOENT")
  return place
}

export const link = (volume: Volume, from: string, to: string, nowMillis: number): void => {
  begin(volume, `link ${from} ${to}`)
  const node = existing(volume.root, from, false)
  const { parent, name } = newFilePlace(volume, to)
  if (node.kind === "directory") throw new Errno("EPERM")
  changeEntries(volume, nowMillis, [{ directory: parent, name, node }])
}

export const symlink = (volume: Volume, target: string, path: string, nowMillis: number): void => {
  begin(volume, `symlink ${target} ${path}`)
  const leadsTo = encoded(target)
  const { parent, name } = newFilePlace(volume, path)
  const node = makeLink(++volume.inodes, leadsTo, nowMillis)
  changeEntries(volume, nowMillis, [{ directory: parent, name, node }])
}

/** Whether a rename may put `node` in the place of what is at `to`. */
const assertReplaceable = (node: Node, to: Entrance): void => {
  const target = to.node
  if (node.kind === "directory" && isWithin(to.parent, node)) throw new Errno("EINVAL")
  if (target === undefined) return
  if (node.kind === "directory" && target.kind !== "directory") throw new Errno("ENOTDIR")
  if (node.kind !== "directory" && target.kind === "directory") throw new Errno("EISDIR")
  if (target.kind === "directory" && target.entries.size > 0) throw new Errno("ENOTEMPTY")
}

export const rename = (volume: Volume, from: string, to: string, nowMillis: number): void => {
  begin(volume, `rename ${from} ${to}`)
  const source = entrance(volume, from)
  const target = entrance(volume, to)
  if (source.name === undefined || target.name === undefined) throw new Errno("EBUSY")
  const { node } = source
  if (node === undefined) throw new Errno("ENOENT")
  if (node.kind !== "directory" && (source.hasSlash || target.hasSlash)) throw new Errno("ENOTDIR")
  if (target.node?.kind === "directory" && isWithin(source.parent, target.node)) throw new Errno("ENOTEMPTY")
  // Two names of one file: nothing to do, and both stay.
  if (node === target.node) return
  assertReplaceable(node, target)
  const changes: ReadonlyArray<EntryChange> = [
    { directory: source.parent, name: source.name, node: undefined },
    { directory: target.parent, name: target.name, node }
  ]
  changeEntries(volume, nowMillis, changes)
}

/** An entry of a directory, as a listing shows it. */
export interface Entry {
  readonly name: string
  readonly kind: Node["kind"]
}

export const readdir = (volume: Volume, path: string): ReadonlyArray<Entry> => {
  begin(volume, `readdir ${path}`)
  const node = existing(volume.root, path, true)
  if (node.kind !== "directory") throw new Errno("ENOTDIR")
  return Array.from(node.entries, ([name, { kind }]) => ({ name, kind }))
}

export const readlink = (volume: Volume, path: string): string => {
  begin(volume, `readlink ${path}`)
  const node = existing(volume.root, path, false)
  if (node.kind !== "symlink") throw new Errno("EINVAL")
  return node.target
}

export const realpath = (volume: Volume, path: string): string => {
  begin(volume, `realpath ${path}`)
  const place = locate(volume.root, path, true)
  nodeOf(place)
  return pathOf(place.parent, place.name)
}
