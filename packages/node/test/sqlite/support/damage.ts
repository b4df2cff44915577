/** Ways to spoil the database of a store that nobody has open. */
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"

export const fileOf = (directory: string): string => join(directory, "state.db")

export const bytesOf = (directory: string): Buffer => readFileSync(fileOf(directory))

/** Changes bytes, as a device does. */
export const spoil = (directory: string, change: (bytes: Buffer) => unknown): Buffer => {
  const bytes = bytesOf(directory)
  change(bytes)
  writeFileSync(fileOf(directory), bytes)
  return bytes
}

export const flip = (bytes: Buffer, at: number, mask = 0xff): void => {
  bytes.writeUInt8(bytes.readUInt8(at) ^ mask, at)
}

/** Changes rows without their checksums. */
export const alter = (directory: string, sql: string): void => {
  const handle = new DatabaseSync(fileOf(directory))
  handle.exec(sql)
  handle.close()
}
