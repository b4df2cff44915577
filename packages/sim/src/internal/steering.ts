/** Strategies at work: they decide which task runs next and when the running fiber is preempted. */
import type * as Choices from "../Choices.ts"
import type { Strategy } from "../Strategy.ts"
import type { Ready } from "./ready.ts"
import { Dice } from "./source.ts"

/** A gap for which no preemption is decided: the running fiber is left alone this long, then asked about again. */
export const calmGap = 256

export const maxGap = calmGap - 1

/** No preemption for the rest of the run. */
export const never = -1

export interface Steering {
  /** Which of `n > 1` tasks runs next. */
  pick(n: number, ready: Ready): number
  /** Operations until the next preemption, 0 for none within `calmGap`, or `never`. */
  nextGap(): number
}

class Calm implements Steering {
  pick(): number {
    return 0
  }

  nextGap(): number {
    return never
  }
}

class Replayed implements Steering {
  private readonly recording: Choices.Recording
  private picks = 0
  private gaps = 0

  constructor(recording: Choices.Recording) {
    this.recording = recording
  }

  pick(n: number): number {
    return Math.min(this.recording.pick[this.picks++] ?? 0, n - 1)
  }

  nextGap(): number {
    const gap = this.recording.gap[this.gaps++]
    return gap === undefined ? never : Math.min(gap, maxGap)
  }
}

class Walking implements Steering {
  private readonly dice: Dice
  private readonly gap: number

  constructor(dice: Dice, gap: number) {
    this.dice = dice
    this.gap = gap
  }

  pick(n: number): number {
    return this.dice.below(n)
  }

  nextGap(): number {
    return 1 + this.dice.below(this.gap)
  }
}

/** A rank below all that are drawn, and above those of earlier switches no more. */
const switched = (count: number): number => -count

const ascending = (a: number, b: number): number => a - b

/** PCT: see `Strategy.Pct`. */
export class Ranked implements Steering {
  private readonly dice: Dice
  private readonly points: Array<number> = []
  private readonly ranks: Array<number> = []
  private operations = 0
  private switches = 0

  constructor(dice: Dice, depth: number, horizon: number) {
    this.dice = dice
    for (let i = 1; i < depth; i++) this.points.push(1 + dice.below(horizon))
    this.points.sort(ascending)
  }

  pick(n: number, ready: Ready): number {
    let best = 0
    for (let index = 1; index < n; index++) if (ready.rank(index) > ready.rank(best)) best = index
    return best
  }

  nextGap(): number {
    const point = this.points[0]
    if (point === undefined || point - this.operations >= calmGap) {
      this.operations += calmGap
      return 0
    }
    const gap = Math.max(1, point - this.operations)
    this.points.shift()
    this.operations += gap
    return gap
  }

  /** Of a fiber, by its ordinal; of a task that no fiber is known for yet, when undefined. */
  rankOf(ordinal: number | undefined): number {
    if (ordinal === undefined) return 1 + this.dice.below(1 << 20)
    const known = this.ranks[ordinal]
    if (known !== undefined) return known
    const drawn = 1 + this.dice.below(1 << 20)
    this.ranks[ordinal] = drawn
    return drawn
  }

  /** The running fiber falls below all others. */
  demote(ordinal: number): void {
    this.ranks[ordinal] = switched(++this.switches)
  }
}

const gapBounds = [8, 16, 16, 64, 64] as const

const drawn = (dice: Dice): Strategy => {
  const lot = dice.below(8)
  const gap = gapBounds[lot]
  if (gap !== undefined) return { _tag: "Walk", gap }
  if (lot === 5) return { _tag: "Fifo" }
  return { _tag: "Pct", depth: 2 + dice.below(3), horizon: [50, 200, 1000][dice.below(3)] ?? 50 }
}

/** The strategy at work for one seed. */
export const steer = (strategy: Strategy, dice: Dice): Steering => {
  switch (strategy._tag) {
    case "Fifo":
      return new Calm()
    case "Walk":
      return new Walking(dice, strategy.gap)
    case "Pct":
      return new Ranked(dice, strategy.depth, strategy.horizon)
    case "Portfolio":
      return steer(drawn(dice), dice)
  }
}

export const replay = (recording: Choices.Recording): Steering => new Replayed(recording)

export const diceOf = (seed: number): { readonly schedule: Dice; readonly world: Dice } => ({
  // Two generators, so that a strategy that draws more does not change what the world does.
  schedule: new Dice(seed),
  world: new Dice(seed ^ 0x5bd1e995)
})
