/** A machine with a disk, in the fewest words, for tests of what the disk does. */
import type { FileSystem } from "effect"
import { durable, losePower, snapshot } from "../../src/internal/disk/crash.ts"
import { close, fsync, open, truncate, write } from "../../src/internal/disk/files.ts"
import { makeVolume, type Settings, type Volume } from "../../src/internal/disk/model.ts"
import { mkdir, rename } from "../../src/internal/disk/names.ts"

type Choose = (n: number) => number

/** Repeats a list, and is calm where it ends. */
export const listed = (choices: ReadonlyArray<number>): Choose => {
  let at = 0
  return (n) => Math.min(choices[at++] ?? 0, n - 1)
}

/** Mulberry32, a small generator by Tommy Ettinger. */
export const seeded = (seed: number): Choose => {
  let state = seed | 0
  return (n) => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n)
  }
}

/** What a scenario gives for every list of choices that there is: all of them are tried. */
export const everyOutcome = (scenario: (choose: Choose) => string): ReadonlyArray<string> => {
  const outcomes = new Set<string>()
  let next: Array<number> | undefined = []
  while (next !== undefined) {
    const made: Array<{ readonly choice: number; readonly n: number }> = []
    const repeat = listed(next)
    outcomes.add(
      scenario((n) => {
        const choice = repeat(n)
        made.push({ choice, n })
        return choice
      })
    )
    const last = made.findLastIndex(({ choice, n }) => choice < n - 1)
    next =
      last === -1
        ? undefined
        : made.slice(0, last + 1).map(({ choice }, i) => (i === last ? choice + 1 : choice))
  }
  return Array.from(outcomes).sort()
}

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** Holes show as underscores. */
const text = (bytes: Uint8Array): string => decoder.decode(bytes).replaceAll("\0", "_")

const show = (files: ReadonlyMap<string, Uint8Array>): string =>
  Array.from(files, ([path, bytes]) => `${path}=${text(bytes)}`)
    .sort()
    .join(" ")

export interface Machine {
  readonly volume: Volume
  readonly faults: ReadonlyArray<string>
  /** The operations that the trace shows. */
  readonly notes: ReadonlyArray<string>
  readonly mkdir: (path: string) => void
  readonly rename: (from: string, to: string) => void
  /** Writes in place of what is there. */
  readonly write: (path: string, text: string, flag?: FileSystem.OpenFlag) => void
  readonly resize: (path: string, length: number) => void
  readonly sync: (...paths: ReadonlyArray<string>) => void
  readonly losePower: () => void
  /** All files as `path=text`. */
  readonly files: () => string
  readonly durable: () => string
  readonly read: (path: string) => string | undefined
}

export const machine = (choose: Choose, settings: Settings = {}): Machine => {
  const faults: Array<string> = []
  const notes: Array<string> = []
  const world = {
    choose,
    faultTookEffect: (kind: string) => void faults.push(kind),
    note: (text: string) => void notes.push(text)
  }
  const volume = makeVolume(world, settings, 0)
  const opened = (path: string, flag: FileSystem.OpenFlag) =>
    open(volume, path, { flag, mode: 0o644, noFollow: false }, 0)
  return {
    volume,
    faults,
    notes,
    mkdir: (path) => mkdir(volume, path, 0o755, 0),
    rename: (from, to) => rename(volume, from, to, 0),
    write: (path, text, flag = "w") => {
      const descriptor = opened(path, flag)
      write(volume, descriptor, 0, encoder.encode(text), 0)
      close(volume, descriptor)
    },
    resize: (path, length) => {
      const descriptor = opened(path, "r+")
      truncate(volume, descriptor, length, 0)
      close(volume, descriptor)
    },
    sync: (...paths) => {
      for (const path of paths) {
        const descriptor = opened(path, "r")
        fsync(volume, descriptor)
        close(volume, descriptor)
      }
    },
    losePower: () => losePower(volume),
    files: () => show(snapshot(volume)),
    durable: () => show(durable(volume)),
    read: (path) => {
      const bytes = snapshot(volume).get(path)
      return bytes && text(bytes)
    }
  }
}
