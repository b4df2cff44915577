/**
 * A note of the last commit, beside the database.
 *
 * SQLite takes the log of a process that was killed up to the first page whose checksum is wrong, and does not tell when
 * there was more; nor does it notice when somebody takes the log away. Whatever is lost, the last commit is lost with it.
 * So if the last one is there, all are. The note is written when the commit is durable, and not made durable itself: it
 * may be older than the database, and never newer.
 *
 * The file is also what other processes watch, see `hints.ts`: what is in the log may be seen there too early.
 */
import { closeSync, constants, openSync, readFileSync, writeSync } from "node:fs"
import { crc32 } from "node:zlib"

export interface Note {
  readonly key: string
  readonly version: number
  readonly fence: number
}

const toLine = ({ fence, key, version }: Note): string => {
  const text = JSON.stringify([key, version, fence])
  return `${crc32(text)} ${text}\n`
}

/** Nothing when it is not as it was written, which says nothing about the database. */
const fromLine = (line: string): Note | undefined => {
  const [, sum, text = ""] = /^(\d+) (\[.*\])$/.exec(line) ?? []
  if (sum !== String(crc32(text))) return undefined
  const [key, version, fence]: ReadonlyArray<unknown> = JSON.parse(text)
  return typeof key === "string" && typeof version === "number" && typeof fence === "number"
    ? { key, version, fence }
    : undefined
}

export const readNote = (path: string): Note | undefined => {
  const [line = ""] = readFileSync(path, "utf8").split("\n", 1)
  return fromLine(line)
}

export class Witness {
  private readonly descriptor: number

  constructor(path: string) {
    this.descriptor = openSync(path, constants.O_WRONLY | constants.O_CREAT, 0o666)
  }

  /** `undefined` takes back what was noted. */
  tell(note: Note | undefined): void {
    try {
      writeSync(this.descriptor, note === undefined ? "\n" : toLine(note), 0)
    } catch {
      // An older note is as true, and others look by themselves now and then.
    }
  }

  close(): void {
    closeSync(this.descriptor)
  }
}
