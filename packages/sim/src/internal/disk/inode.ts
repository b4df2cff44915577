/** What a name can stand for: a file, a directory, or a symbolic link. */
import { type Content, makeContent } from "./content.ts"

interface Attributes {
  readonly inode: number
  /** Permissions alone, without the type. They are kept, not enforced. */
  mode: number
  uid: number
  gid: number
  atimeMillis: number
  mtimeMillis: number
  readonly birthtimeMillis: number
  /** How many names lead here. */
  links: number
}

export interface FileNode extends Attributes {
  readonly kind: "file"
  readonly content: Content
  /** How many descriptors are open. A file without a name lives until the last is closed. */
  opened: number
  /** The descriptor that has the lock. It is the file's, whatever names lead to it. */
  lockedBy: number | undefined
}

export interface DirectoryNode extends Attributes {
  readonly kind: "directory"
  entries: Map<string, Node>
  readonly durable: Map<string, Node>
  /** Where it hangs; `undefined` for the root. */
  parent: DirectoryNode | undefined
  name: string
}

export interface LinkNode extends Attributes {
  readonly kind: "symlink"
  readonly target: string
}

export type Node = FileNode | DirectoryNode | LinkNode

const attributes = (inode: number, mode: number, nowMillis: number): Attributes => ({
  inode,
  mode,
  uid: 0,
  gid: 0,
  atimeMillis: nowMillis,
  mtimeMillis: nowMillis,
  birthtimeMillis: nowMillis,
  links: 0
})

export const makeFile = (inode: number, mode: number, nowMillis: number): FileNode => ({
  ...attributes(inode, mode, nowMillis),
  kind: "file",
  content: makeContent(),
  opened: 0,
  lockedBy: undefined
})

export const makeLink = (inode: number, target: string, nowMillis: number): LinkNode => ({
  ...attributes(inode, 0o777, nowMillis),
  kind: "symlink",
  target
})

export const makeDirectory = (inode: number, mode: number, nowMillis: number): DirectoryNode => ({
  ...attributes(inode, mode, nowMillis),
  kind: "directory",
  entries: new Map(),
  durable: new Map(),
  parent: undefined,
  name: ""
})

export const pathOf = (directory: DirectoryNode, name?: string): string => {
  const names = name === undefined ? [] : [name]
  for (let at = directory; at.parent !== undefined; at = at.parent) names.push(at.name)
  return `/${names.reverse().join("/")}`
}

/** Whether `directory` is `ancestor`, or lies somewhere below it. */
export const isWithin = (directory: DirectoryNode, ancestor: DirectoryNode): boolean => {
  let at: DirectoryNode | undefined = directory
  while (at !== undefined && at !== ancestor) at = at.parent
  return at === ancestor
}
