/**
 * A rolling hash of 64 bits in two lanes of 32, because a run mixes in several numbers for each step and big integers
 * would be the larger part of its time. It tells runs apart; it resists nobody.
 */
export class RollingHash {
  private a = 0x811c9dc5
  private b = 0x2545f491

  mix(value: number): void {
    this.a = Math.imul(this.a ^ value, 0x01000193)
    this.b = Math.imul(((this.b << 13) | (this.b >>> 19)) ^ value, 0x85ebca6b)
  }

  /** Both halves of an integer that may exceed 32 bits. */
  mixLarge(value: number): void {
    this.mix(value | 0)
    this.mix((value / 0x1_0000_0000) | 0)
  }

  mixText(text: string): void {
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i))
    this.mix(-1)
  }

  digest(): string {
    return hex(this.a ^ (this.b >>> 15)) + hex(this.b ^ (this.a >>> 13))
  }
}

/** In halves: a number of more than 31 bits takes several times as long. */
const hex = (lane: number): string => hexOfHalf(lane >>> 16) + hexOfHalf(lane & 0xffff)

const hexOfHalf = (half: number): string => half.toString(16).padStart(4, "0")
