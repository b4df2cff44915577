/**
 * The words that client and servers agree on. No dependencies: the child that runs the servers loads it too,
 * and has to be listening as soon as it can.
 */
import { createHash } from "node:crypto"

/** What a server says when it has stored what it was pushed. Anything else is not an acknowledgement. */
export const acknowledgement = "thx"

/** What a server says when it held the transactions before. */
export const alreadyPresent = "already present"

export const paths = { ping: "/info", list: "/list", push: "/pushtxs", check: "/searchtx" } as const

/** The body of a push: one transaction a line. */
export const joinLines = (lines: ReadonlyArray<string>): string => lines.join("\n")

export const splitLines = (body: string): ReadonlyArray<string> => (body === "" ? [] : body.split("\n"))

export const sha256 = (bytes: string | Uint8Array): string => createHash("sha256").update(bytes).digest("hex")

/** A transaction is known by the hash of its bytes. */
export const transactionId = (transaction: string): string => sha256(transaction)
