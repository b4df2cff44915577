import type { Random } from "effect"

/** A number of 53 random bits gives so many bytes. */
const bytesPerDraw = 6

export const randomBytes = (random: Random.Random, size: number): Uint8Array => {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < size; at += bytesPerDraw) {
    let rest = Math.floor(random.nextDoubleUnsafe() * 2 ** (8 * bytesPerDraw))
    for (let i = at; i < Math.min(size, at + bytesPerDraw); i++) {
      bytes[i] = rest % 256
      rest = Math.floor(rest / 256)
    }
  }
  return bytes
}
