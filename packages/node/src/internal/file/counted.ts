import { mostBelieved } from "../raise.ts"

/** The fields of a row that count, at the begin of a line as both layouts have it; a value can have such a line, too. */
const counts = /^ +"(?:version|fence|lease|lostAt)": (\d{1,16}),?$/gm

/** The highest number in a damaged file, as far as it can be made out. */
export const counted = (bytes: Uint8Array): number => {
  let most = 0
  for (const [, digits] of Buffer.from(bytes).toString("latin1").matchAll(counts)) {
    const number = Number(digits)
    if (number < mostBelieved) most = Math.max(most, number)
  }
  return most
}
