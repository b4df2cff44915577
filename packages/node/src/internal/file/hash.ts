/** Checksums of what is written. */
// house: a hash of bytes is the same everywhere and at all times: nothing is drawn, and no clock is read.
import { hash } from "node:crypto"

/** SHA-256 in hexadecimal; a string stands for its UTF-8. */
export const checksum = (data: string | Uint8Array): string => hash("sha256", data, "hex")
