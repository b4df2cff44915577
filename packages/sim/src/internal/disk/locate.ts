/** From a path to what it stands for, the way POSIX walks it. */
import { Errno } from "./errno.ts"
import type { DirectoryNode, Node } from "./inode.ts"

/** Where a path leads: an entry of a directory, which may not exist. */
export interface Place {
  readonly parent: DirectoryNode
  /**
   * `undefined` when the path ends in `.` or `..` or is the root: such a place can be looked at, not changed.
   */
  readonly name: string | undefined
  readonly node: Node | undefined
  /** The path ends with a slash, so that only a directory can be there. */
  readonly asDirectory: boolean
}

// The limits of Linux.
const maxLinks = 40
const maxNameBytes = 255
const maxPathBytes = 4095

const nodeAt = (parent: DirectoryNode, name: string): Node | undefined => {
  if (Buffer.byteLength(name) > maxNameBytes) throw new Errno("ENAMETOOLONG")
  return parent.entries.get(name)
}

/** A path, or what a link leads to, as the system gets it: in UTF-8, which has no half of a surrogate pair. */
export const encoded = (path: string): string => {
  if (path === "") throw new Errno("ENOENT")
  if (Buffer.byteLength(path) > maxPathBytes) throw new Errno("ENAMETOOLONG")
  return path.toWellFormed()
}

/**
 * Walks `path`; `follow` says whether a symbolic link at its end is followed. Paths are relative to the root.
 */
export const locate = (root: DirectoryNode, path: string, follow: boolean): Place => {
  let parent = root
  let links = 0
  /** The next name is the last. */
  const rest = encoded(path).split("/").reverse()
  for (;;) {
    const name = rest.pop()
    if (name === undefined) return { parent, name, node: parent, asDirectory: true }
    if (name === "" || name === ".") continue
    if (name === "..") {
      parent = parent.parent ?? parent
      continue
    }
    const node = nodeAt(parent, name)
    const isLast = rest.every((one) => one === "")
    const asDirectory = isLast && rest.length > 0
    if (node?.kind === "symlink" && (follow || !isLast || asDirectory)) {
      if (++links > maxLinks) throw new Errno("ELOOP")
      if (node.target.startsWith("/")) parent = root
      rest.push(...node.target.split("/").reverse())
    } else if (isLast) {
      return { parent, name, node, asDirectory }
    } else {
      if (node === undefined) throw new Errno("ENOENT")
      if (node.kind !== "directory") throw new Errno("ENOTDIR")
      parent = node
    }
  }
}

/** What is at a place, where there must be something. */
export const nodeOf = ({ asDirectory, node }: Place): Node => {
  if (node === undefined) throw new Errno("ENOENT")
  if (asDirectory && node.kind !== "directory") throw new Errno("ENOTDIR")
  return node
}

/** What is at `path`, which must exist. */
export const existing = (root: DirectoryNode, path: string, follow: boolean): Node =>
  nodeOf(locate(root, path, follow))
