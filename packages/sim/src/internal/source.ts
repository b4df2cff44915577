/** Where choices come from: a seed while searching, a recording while replaying. Both record what was chosen. */
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus"
import type * as Choices from "../Choices.ts"

/** The kinds of choices that are drawn one by one; when and what to schedule is decided by a strategy. */
export type Drawn = "fault" | "random"

/** Choices that were made, and those that will be. */
export interface Source {
  /** One of 0…n−1. */
  draw(kind: Drawn, n: number): number
}

/** The choices of a run as they are made. A zero is only written when something follows it. */
export class Recorder {
  readonly gap: Array<number> = []
  readonly pick: Array<number> = []
  readonly fault: Array<number> = []
  readonly random: Array<number> = []

  finish(): Choices.Recording {
    return { gap: trim(this.gap), pick: trim(this.pick), fault: trim(this.fault), random: trim(this.random) }
  }
}

const trim = (list: Array<number>): ReadonlyArray<number> => {
  let end = list.length
  while (end > 0 && list[end - 1] === 0) end--
  if (end < list.length) list.length = end
  return list
}

/** Numbers from a seed. */
export class Dice {
  private readonly generator: ReturnType<typeof xoroshiro128plus>

  constructor(seed: number) {
    this.generator = xoroshiro128plus(scramble(seed))
    // The generator's first outputs still show the few bits that it was started with.
    for (let i = 0; i < 8; i++) this.generator.next()
  }

  /**
   * One of 0…n−1. The high bits of a multiplication are close enough to uniform for n below 2^20, and need no loop that
   * would make the number of draws depend on their values.
   */
  below(n: number): number {
    return Math.floor(((this.generator.next() >>> 0) / 0x1_0000_0000) * n)
  }

  /** A fraction with 53 random bits, from 0 (inclusive) to 1 (exclusive). */
  fraction(): number {
    const high = this.generator.next() >>> 5
    const low = this.generator.next() >>> 6
    return (high * 0x400_0000 + low) / 0x20_0000_0000_0000
  }
}

/** Neighbouring seeds must not give similar runs. The finalizer of MurmurHash3, over both halves of the seed. */
export const scramble = (seed: number): number => {
  let h = (seed | 0) ^ Math.imul(Math.floor(seed / 0x1_0000_0000), 0x9e3779b1)
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return h ^ (h >>> 16)
}

/** Draws from a seed. */
export class Seeded implements Source {
  private readonly dice: Dice
  private readonly recorder: Recorder

  constructor(dice: Dice, recorder: Recorder) {
    this.dice = dice
    this.recorder = recorder
  }

  draw(kind: Drawn, n: number): number {
    const value = this.dice.below(n)
    this.recorder[kind].push(value)
    return value
  }
}

/** Repeats a recording, and is calm where it ends. A choice that is too large now is the largest that there is. */
export class Recorded implements Source {
  private readonly recording: Choices.Recording
  private readonly recorder: Recorder
  private readonly at = { fault: 0, random: 0 }

  constructor(recording: Choices.Recording, recorder: Recorder) {
    this.recording = recording
    this.recorder = recorder
  }

  draw(kind: Drawn, n: number): number {
    const value = Math.min(this.recording[kind][this.at[kind]++] ?? 0, n - 1)
    this.recorder[kind].push(value)
    return value
  }
}
