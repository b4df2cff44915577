/** The least that a durable change of the same value takes on this disk: nobody else is looked out for, and nothing checked. */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync, writeSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { initial, next } from "./contenders.ts"

/** Read, write, sync, rename, and sync of the directory. */
export const bareFile = (directory: string): (() => void) => {
  const path = join(directory, "value.json")
  const draft = `${path}.tmp`
  writeFileSync(path, JSON.stringify(initial))
  const sync = (name: string, flag: string, text?: string): void => {
    const descriptor = openSync(name, flag)
    if (text !== undefined) writeSync(descriptor, text)
    fsyncSync(descriptor)
    closeSync(descriptor)
  }
  return () => {
    sync(draft, "w", JSON.stringify(next(JSON.parse(readFileSync(path, "utf8")))))
    renameSync(draft, path)
    sync(directory, "r")
  }
}

/** A transaction with a log that is synced. */
export const bareSqlite = (directory: string): (() => void) => {
  const database = new DatabaseSync(join(directory, "value.db"))
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE one (value TEXT)")
  database.prepare("INSERT INTO one VALUES (?)").run(JSON.stringify(initial))
  const begin = database.prepare("BEGIN IMMEDIATE")
  const read = database.prepare("SELECT value FROM one")
  const write = database.prepare("UPDATE one SET value = ?")
  const commit = database.prepare("COMMIT")
  return () => {
    begin.run()
    write.run(JSON.stringify(next(JSON.parse(String(read.get()?.value)))))
    commit.run()
  }
}
