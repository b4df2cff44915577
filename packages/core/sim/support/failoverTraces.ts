/** What three nodes live through, as data, by a seed: for strategies of fail-over that are compared. */

/** How a node is from an instant on, until the next phase. */
export interface Phase {
  readonly fromMillis: number
  readonly behaviour: "answers" | "errs" | "refuses" | "hangs"
  readonly latencyMillis: number
}

export interface Trace {
  readonly family: Family
  readonly seed: number
  readonly lengthMillis: number
  /** The phases of each node; the first is the primary. */
  readonly nodes: ReadonlyArray<ReadonlyArray<Phase>>
  /** By which part of it a latency goes up or down, at random. */
  readonly noise: number
  /** Which part of the requests takes seconds. */
  readonly spikes: number
}

export const families = [
  "steady",
  "drifting latency",
  "flapping primary",
  "alternating 490/510",
  "spikes",
  "slow primary",
  "refusing primary",
  "black-holed primary",
  "all dead, one back",
  "bursts of errors"
] as const

export type Family = (typeof families)[number]

/** Numbers that a seed decides. */
interface Dice {
  readonly between: (min: number, max: number) => number
  readonly oneOf: <A>(choices: readonly [A, ...ReadonlyArray<A>]) => A
  readonly isBelow: (chance: number) => boolean
}

/** A well mixed number from 0 to 1, for whole numbers. */
export const mixed = (...numbers: ReadonlyArray<number>): number => {
  let state = 0x9e3779b9
  for (const number of numbers) {
    state = Math.imul(state ^ (number | 0), 0x85ebca6b)
    state = Math.imul(state ^ (state >>> 13), 0xc2b2ae35)
    state ^= state >>> 16
  }
  return (state >>> 0) / 2 ** 32
}

const diceOf = (seed: number): Dice => {
  let thrown = 0
  const next = () => mixed(seed, thrown++)
  return {
    between: (min, max) => Math.round(min + next() * (max - min)),
    oneOf: (choices) => choices[Math.floor(next() * choices.length)] ?? choices[0],
    isBelow: (chance) => next() < chance
  }
}

type Phases = ReadonlyArray<Phase>

const answers = (fromMillis: number, latencyMillis: number): Phase => ({
  fromMillis,
  behaviour: "answers",
  latencyMillis
})

const well = (dice: Dice): Phases => [answers(0, dice.between(30, 120))]

/** Well, except for a while, which may begin with the trace. */
const troubled = (dice: Dice, lengthMillis: number, trouble: Omit<Phase, "fromMillis">): Phases => {
  const latency = dice.between(30, 120)
  const fromMillis = dice.isBelow(0.4) ? 0 : dice.between(0.1 * lengthMillis, 0.3 * lengthMillis)
  const untilMillis = fromMillis + dice.between(0.2 * lengthMillis, 0.5 * lengthMillis)
  return [answers(0, latency), { fromMillis, ...trouble }, answers(untilMillis, latency)]
}

/** In turns, each of a length that is drawn anew. */
const inTurns = (dice: Dice, lengthMillis: number, turns: readonly [first: Turn, second: Turn]): Phases => {
  const phases: Array<Phase> = []
  for (let millis = 0, turn = 0; millis < lengthMillis; turn = 1 - turn) {
    const [phase, shortest, longest] = turns[turn === 0 ? 0 : 1]
    phases.push({ fromMillis: millis, ...phase })
    millis += dice.between(shortest, longest)
  }
  return phases
}

type Turn = readonly [phase: Omit<Phase, "fromMillis">, shortestMillis: number, longestMillis: number]

const drifting = (dice: Dice, lengthMillis: number): Phases => {
  const phases: Array<Phase> = []
  let latency = dice.between(30, 300)
  for (let millis = 0; millis < lengthMillis; millis += 2000) {
    phases.push(answers(millis, latency))
    latency = Math.min(3000, Math.max(20, Math.round(latency * 2 ** (dice.between(-100, 100) / 100))))
  }
  return phases
}

const alternating = (lengthMillis: number, first: number, second: number): Phases => {
  const phases: Array<Phase> = []
  for (let millis = 0; millis < lengthMillis; millis += 10_000) {
    phases.push(answers(millis, first), answers(millis + 5000, second))
  }
  return phases
}

/** All die at once, and come back one after the other. */
const dying = (dice: Dice, lengthMillis: number): ReadonlyArray<Phases> => {
  const deathMillis = dice.between(0.1 * lengthMillis, 0.3 * lengthMillis)
  const first = dice.between(0, 2)
  return [0, 1, 2].map((node) => {
    const turn = 1 + ((node - first + 3) % 3)
    const backMillis = deathMillis + turn * dice.between(0.1 * lengthMillis, 0.15 * lengthMillis)
    const behaviour = dice.oneOf(["refuses", "hangs"] as const)
    const latency = dice.between(30, 120)
    return [
      answers(0, latency),
      { fromMillis: deathMillis, behaviour, latencyMillis: 2 },
      answers(backMillis, latency)
    ]
  })
}

const nodesOf: Readonly<Record<Family, (dice: Dice, lengthMillis: number) => ReadonlyArray<Phases>>> = {
  steady: (dice) => [well(dice), well(dice), well(dice)],
  "drifting latency": (dice, length) => [
    drifting(dice, length),
    drifting(dice, length),
    drifting(dice, length)
  ],
  "flapping primary": (dice, length) => {
    const up: Turn = [{ behaviour: "answers", latencyMillis: dice.between(30, 120) }, 2000, 8000]
    const behaviour = dice.oneOf(["refuses", "hangs", "errs"] as const)
    const down: Turn = [{ behaviour, latencyMillis: 2 }, 2000, 8000]
    return [inTurns(dice, length, [up, down]), well(dice), well(dice)]
  },
  "alternating 490/510": (_, length) => [
    alternating(length, 490, 510),
    alternating(length, 510, 490),
    [answers(0, 700)]
  ],
  spikes: (dice) => [well(dice), well(dice), well(dice)],
  "slow primary": (dice, length) => {
    const latencyMillis = dice.oneOf([600, 2000, 5000, 12_000])
    return [troubled(dice, length, { behaviour: "answers", latencyMillis }), well(dice), well(dice)]
  },
  "refusing primary": (dice, length) => [
    troubled(dice, length, { behaviour: "refuses", latencyMillis: 2 }),
    well(dice),
    well(dice)
  ],
  "black-holed primary": (dice, length) => [
    troubled(dice, length, { behaviour: "hangs", latencyMillis: 0 }),
    well(dice),
    well(dice)
  ],
  "all dead, one back": dying,
  "bursts of errors": (dice, length) =>
    [0, 1, 2].map(() => {
      const latencyMillis = dice.between(30, 120)
      return inTurns(dice, length, [
        [{ behaviour: "answers", latencyMillis }, 5000, 20_000],
        [{ behaviour: "errs", latencyMillis }, 1000, 5000]
      ])
    })
}

export const traceOf = (family: Family, seed: number, lengthMillis: number): Trace => ({
  family,
  seed,
  lengthMillis,
  nodes: nodesOf[family](diceOf(seed), lengthMillis),
  noise: family === "alternating 490/510" ? 0 : 0.15,
  spikes: family === "spikes" ? 0.03 : 0
})

export const phaseAt = (phases: ReadonlyArray<Phase>, millis: number): Phase | undefined =>
  phases.findLast(({ fromMillis }) => fromMillis <= millis)

/** Whether a node answers within so long whatever it is asked in a span of time. */
export const isWell = (
  { noise, spikes }: Trace,
  phases: ReadonlyArray<Phase>,
  fromMillis: number,
  untilMillis: number,
  longestMillis: number
): boolean =>
  spikes === 0 &&
  phases.every(
    (phase, index) =>
      phase.fromMillis > untilMillis ||
      (phases[index + 1]?.fromMillis ?? Infinity) <= fromMillis ||
      (phase.behaviour === "answers" && phase.latencyMillis * (1 + noise) <= longestMillis)
  )
