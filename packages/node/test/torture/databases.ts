/** Points at which a process dies inside of SQLite, which has no seam: so the statements of this process are watched. */
import { DatabaseSync, StatementSync } from "node:sqlite"
import type { Point, Points } from "./points.ts"

const locks: ReadonlyArray<readonly [file: string, point: Point]> = [
  ["next%3a", "with the lock of the next"],
  ["lock%3a", "with the lock of the key"]
]

let points: Points | undefined

const { exec } = DatabaseSync.prototype
const { run } = StatementSync.prototype

/** From now on, in all databases of this process. */
export const dieInDatabases = (at: Points): void => {
  points = at
  DatabaseSync.prototype.exec = function (sql) {
    exec.call(this, sql)
    if (sql !== "BEGIN EXCLUSIVE") return
    for (const [file, point] of locks) if (this.location()?.includes(file)) points?.reach(point)
  }
  StatementSync.prototype.run = function (...parameters: ReadonlyArray<never>) {
    const sql = this.sourceSQL
    if (sql === "COMMIT") points?.reach("before a commit")
    const changes = Reflect.apply(run, this, parameters)
    if (sql === "COMMIT") points?.reach("after a commit")
    if (sql === "BEGIN IMMEDIATE") points?.reach("with the lock of the document")
    if (/^(INSERT|UPDATE)/.test(sql)) points?.reach("after a row is written")
    return changes
  }
}
