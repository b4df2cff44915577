/** How a volume ends its life in one process, and begins another. */
import { durableBytes, lose, seenBytes } from "./content.ts"
import { close } from "./files.ts"
import { type DirectoryNode, type FileNode, type Node, pathOf } from "./inode.ts"
import { lose as loseNames } from "./journal.ts"
import { enter, type Fault, type Process, type Volume } from "./model.ts"

/** One process is gone, and all that it held of the operating system. The page cache is not the process's. */
export const end = (volume: Volume, process: Process): void => {
  process.hasEnded = true
  volume.processes.delete(process)
  for (const descriptor of process.descriptors) close(volume, descriptor)
  for (const watcher of process.watchers) volume.watchers.delete(watcher)
  process.descriptors.clear()
  process.watchers.clear()
}

/** All processes are gone. */
export const kill = (volume: Volume): void => {
  for (const process of volume.processes) end(volume, process)
  for (const descriptor of volume.descriptors) close(volume, descriptor)
  volume.watchers.clear()
}

/** The machine is gone: of what was not synced, a part is lost. Whatever is lost was chosen. */
export const losePower = (volume: Volume): void => {
  const { journal, metadata, root, world } = volume
  kill(volume)
  world.note("power lost")
  const names = loseNames(journal, metadata, world.choose)
  if (names !== undefined && names.lost > 0) {
    const text = `${names.lost} of ${names.pending} changes of names were lost (${names.metadata})`
    world.faultTookEffect("disk.loss" satisfies Fault, text)
  }
  volume.usedBytes = 0
  mount(root, new Set([root]), (file, path) => {
    const { lost, pending, tornBytes } = lose(file.content, world.choose)
    volume.usedBytes += seenBytes(file.content).length
    if (lost > 0) {
      world.faultTookEffect("disk.loss" satisfies Fault, `${lost} of ${pending} changes of ${path} were lost`)
    }
    if (tornBytes > 0) {
      world.faultTookEffect("disk.tear" satisfies Fault, `${tornBytes} bytes are left of a write to ${path}`)
    }
  })
}

/**
 * Makes what is durable visible, once for each directory and file.
 *
 * Directories that lose their changes separately can disagree on where a directory is; as `fsck` does, the
 * first that is found keeps it.
 */
const mount = (
  directory: DirectoryNode,
  seen: Set<Node>,
  onFile: (file: FileNode, path: string) => void
): void => {
  directory.entries = new Map()
  for (const [name, node] of directory.durable) {
    const isNew = !seen.has(node)
    seen.add(node)
    if (node.kind === "directory" && !isNew) {
      directory.durable.delete(name)
      continue
    }
    if (isNew) node.links = 0
    enter(directory, name, node)
    if (node.kind === "directory") mount(node, seen, onFile)
    else if (node.kind === "file" && isNew) onFile(node, pathOf(directory, name))
  }
}

/** The files below `directory`; a directory that is in two places after partial syncs counts at the first. */
const collect = (
  directory: DirectoryNode,
  entriesOf: (directory: DirectoryNode) => ReadonlyMap<string, Node>,
  bytesOf: (file: FileNode) => Uint8Array
): ReadonlyMap<string, Uint8Array> => {
  const files = new Map<string, Uint8Array>()
  const seen = new Set([directory])
  const visit = (directory: DirectoryNode, path: string): void => {
    for (const [name, node] of entriesOf(directory)) {
      const here = `${path}/${name}`
      if (node.kind === "file") files.set(here, bytesOf(node).slice())
      if (node.kind !== "directory" || seen.has(node)) continue
      seen.add(node)
      visit(node, here)
    }
  }
  visit(directory, "")
  return files
}

/** Every file that a reader sees now, by its path. */
export const snapshot = ({ root }: Volume): ReadonlyMap<string, Uint8Array> =>
  collect(
    root,
    ({ entries }) => entries,
    ({ content }) => seenBytes(content)
  )

/** Every file that is left when a loss of power takes all that it can. */
export const durable = ({ root }: Volume): ReadonlyMap<string, Uint8Array> =>
  collect(
    root,
    ({ durable }) => durable,
    ({ content }) => durableBytes(content)
  )
