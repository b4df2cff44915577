/** Which of the files in the directory of a store are none of those that it has when nobody uses it. Pure. */
import type { StoreName } from "./writer/Wire.ts"

/** As names of files: the ledger, the register, and the slots of its owners. */
const document = "(ledger|harbour(%2fowner%2f\\d+)?)"

/** `state` is the whole of a database. */
const lock = `[a-z]+%3a(${document}|state)(%3a\\d+)?`

const known: Record<StoreName, RegExp> = {
  sqlite: new RegExp(`^(changes|presence|state\\.db(-shm|-wal)?|locks(/${lock})?)$`),
  file: new RegExp(`^(keys(/${document}\\.json)?|locks(/layout|/${document}\\.doc|/${lock}\\.lock)?)$`)
}

export const strangersIn = (store: StoreName, files: ReadonlyArray<string>): ReadonlyArray<string> =>
  files.filter((file) => !known[store].test(file.replaceAll("\\", "/")))
