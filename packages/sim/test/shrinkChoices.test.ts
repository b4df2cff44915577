import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type * as Choices from "../src/Choices.ts"
import { isSimpler } from "../src/internal/shrink/recordings.ts"
import { type Candidate, type Shrinkable, shrink } from "../src/internal/shrink.ts"

const calm: Choices.Recording = { gap: [], pick: [], fault: [], random: [] }

/** A run that makes the choices that it is given, and fails when they are such. */
const subjectOf = (
  fails: (choices: Choices.Recording) => boolean,
  consumed: (choices: Choices.Recording) => Choices.Recording = (choices) => choices
) => {
  const tried: Array<Choices.Recording> = []
  const subject: Shrinkable<null, never> = {
    tryCandidate: ({ choices }) => {
      tried.push(choices)
      return { failure: fails(choices) ? "X-1" : undefined, consumed: consumed(choices) }
    },
    trySeed: () => ({ failure: undefined, consumed: calm }),
    shrinkWorkload: () => [],
    shrinkFault: () => []
  }
  return { subject, tried }
}

const shrunk = (
  choices: Partial<Choices.Recording>,
  fails: (choices: Choices.Recording) => boolean,
  consumed?: (choices: Choices.Recording) => Choices.Recording
): Choices.Recording => {
  const failing = { workload: null, faults: [], choices: { ...calm, ...choices } }
  return shrink(subjectOf(fails, consumed).subject, failing, "X-1").candidate.choices
}

/** The operations after which a fiber is preempted. */
const preemptions = (gaps: ReadonlyArray<number>): ReadonlyArray<number> => {
  let operation = 0
  return gaps.flatMap((gap) => {
    operation += gap === 0 ? 256 : gap
    return gap === 0 ? [] : [operation]
  })
}

describe("shrink, the choices", () => {
  it("a failure that needs no choice is the calm run", () => {
    assert.deepStrictEqual(
      shrunk({ gap: [3, 1], pick: [2], fault: [1], random: [77] }, () => true),
      calm
    )
  })

  it("choices that do not matter are calm, and the one that does is as small as it may be", () => {
    const random = Array.from({ length: 100 }, (_, index) => index * 1_000_003)
    const choices = shrunk({ random, gap: [4, 4, 4] }, ({ random }) => (random[20] ?? 0) >= 12_345)
    assert.deepStrictEqual(choices, { ...calm, random: [...Array.from({ length: 20 }, () => 0), 12_345] })
  })

  it("choices before one that matters are left out when they may be", () => {
    const fault = [1, 2, 3, 7, 4]
    assert.deepStrictEqual(
      shrunk({ fault }, ({ fault }) => fault.includes(7)),
      { ...calm, fault: [7] }
    )
  })

  it("gaps before a preemption that matters become one gap", () => {
    const gap = [5, 7, 1, 12, 3, 30, 2]
    assert.deepStrictEqual(shrunk({ gap }, ({ gap }) => preemptions(gap).includes(58)).gap, [58])
  })

  it("a preemption after more than 255 operations comes after gaps that are calm", () => {
    const gap = [200, 100, 250, 1]
    assert.deepStrictEqual(shrunk({ gap }, ({ gap }) => preemptions(gap).includes(550)).gap, [0, 0, 38])
  })

  it("a gap of 0 counts as 256 operations", () => {
    assert.deepStrictEqual(
      shrunk({ gap: [5, 0, 7] }, ({ gap }) => preemptions(gap).includes(268)).gap,
      [0, 12]
    )
  })

  it("any two gaps that are neighbours may become one", () => {
    for (const length of [2, 3, 4, 5, 6, 7, 8]) {
      const gap = Array.from({ length }, (_, index) => 10 + index)
      for (let index = 0; index + 1 < length; index++) {
        const merged = gap.toSpliced(index, 2, 21 + 2 * index)
        const isEither = (list: ReadonlyArray<number>) =>
          list.join() === gap.join() || list.join() === merged.join()
        assert.deepStrictEqual(shrunk({ gap }, ({ gap }) => isEither(gap)).gap, merged)
      }
    }
  })

  it("a long recording that matters in all its parts stays as it is", () => {
    const random = Array.from({ length: 500 }, (_, index) => index % 2)
    const { subject } = subjectOf((choices) => choices.random.join() === random.join())
    const failing = { workload: null, faults: [], choices: { ...calm, random } }
    const { candidate, complete } = shrink(subject, failing, "X-1")
    assert.deepStrictEqual(candidate, failing)
    assert.isTrue(complete)
  })

  it("two tasks that overtake one after the other become one task that overtakes both", () => {
    const passed = (pick: ReadonlyArray<number>) => (pick[0] ?? 0) + (pick[1] ?? 0)
    assert.deepStrictEqual(shrunk({ pick: [1, 1] }, ({ pick }) => passed(pick) >= 2).pick, [2])
  })

  it("a preemption is undone together with a pick", () => {
    const fails = ({ gap, pick }: Choices.Recording) =>
      preemptions(gap).includes(9) && gap.length === pick.length && pick.at(-1) === 1
    assert.deepStrictEqual(shrunk({ gap: [2, 3, 4], pick: [1, 2, 1] }, fails), {
      ...calm,
      gap: [9],
      pick: [1]
    })
  })

  it("where no small step helps, a single preemption at another operation is found", () => {
    const start = { ...calm, gap: [3, 2], pick: [0, 1, 0, 1, 1] }
    const isStart = (choices: Choices.Recording) => JSON.stringify(choices) === JSON.stringify(start)
    const fails = (choices: Choices.Recording) =>
      isStart(choices) || (preemptions(choices.gap).join() === "40" && choices.pick.length === 0)
    assert.deepStrictEqual(shrunk(start, fails), { ...calm, gap: [40] })
  })

  it("what a run leaves over of its recording is dropped", () => {
    const firstTwo = ({ gap }: Choices.Recording) => ({ ...calm, gap: gap.slice(0, 2) })
    const { subject, tried } = subjectOf(({ gap }) => gap[0] === 5 && gap[1] === 6, firstTwo)
    const gap = [5, 6, ...Array.from({ length: 50 }, () => 9)]
    const failing = { workload: null, faults: [], choices: { ...calm, gap } }
    assert.deepStrictEqual(shrink(subject, failing, "X-1").candidate.choices.gap, [5, 6])
    assert.deepStrictEqual(tried[1]?.gap, [5, 6])
  })

  it("what is said to have been consumed is not believed until it failed", () => {
    const lies = () => calm
    assert.deepStrictEqual(shrunk({ gap: [5] }, ({ gap }) => gap[0] === 5, lies).gap, [5])
  })

  it("no recording is tried twice", () => {
    const { subject, tried } = subjectOf(({ pick }) => pick.filter((choice) => choice > 0).length >= 3)
    shrink(subject, { workload: null, faults: [], choices: { ...calm, pick: [1, 2, 3, 4, 5, 6] } }, "X-1")
    assert.strictEqual(new Set(tried.map((choices) => JSON.stringify(choices))).size, tried.length)
  })

  it("simpler is: fewer that are not calm, then shorter, then smaller", () => {
    const order = [[], [1], [2], [0, 1], [0, 0, 1], [1, 1], [1, 2], [0, 1, 1]]
    for (const [index, a] of order.entries()) {
      for (const [other, b] of order.entries()) {
        assert.strictEqual(
          isSimpler({ ...calm, gap: a }, { ...calm, gap: b }),
          index < other,
          `${a} and ${b}`
        )
      }
    }
  })
})

// ----------------------------------------------------------------------------
// For all
// ----------------------------------------------------------------------------

/** Something that breaks in a way that no order of its parts explains: a hash decides. */
interface Riddle {
  readonly salt: number
  readonly oneIn: number
  readonly longest: number
  readonly largest: number
}

const riddles: fc.Arbitrary<Riddle> = fc.record({
  salt: fc.integer(),
  oneIn: fc.integer({ min: 1, max: 8 }),
  longest: fc.integer({ min: 1, max: 30 }),
  largest: fc.integer({ min: 1, max: 255 })
})

const lists = fc.array(fc.nat(255), { maxLength: 20 })

const cases = fc.record({
  workload: fc.nat(40),
  faults: fc.array(fc.nat(9), { maxLength: 6 }),
  choices: fc.record({ gap: lists, pick: lists, fault: lists, random: lists })
})

type Case = Candidate<number, number>

/** FNV-1a, by Fowler, Noll and Vo. */
const hash = (text: string, salt: number): number => {
  let h = 0x811c9dc5 ^ salt
  for (let index = 0; index < text.length; index++) h = Math.imul(h ^ text.charCodeAt(index), 0x01000193)
  return (h ^ (h >>> 15)) >>> 0
}

const consumedBy = ({ choices }: Case, { largest, longest }: Riddle): Choices.Recording => {
  const taken = (list: ReadonlyArray<number>) => {
    const made = list.slice(0, longest).map((choice) => Math.min(choice, largest))
    return made.slice(0, made.findLastIndex((choice) => choice !== 0) + 1)
  }
  return {
    gap: taken(choices.gap),
    pick: taken(choices.pick),
    fault: taken(choices.fault),
    random: taken(choices.random)
  }
}

const failureOf = (candidate: Case, riddle: Riddle): string | undefined => {
  const { faults, workload } = candidate
  const h = hash(JSON.stringify([workload, faults, consumedBy(candidate, riddle)]), riddle.salt)
  return h % riddle.oneIn === 0 ? `X-${(h >>> 8) % 2}` : undefined
}

const riddle = (riddle: Riddle): Shrinkable<number, number> => {
  const tryCandidate = (candidate: Case) => ({
    failure: failureOf(candidate, riddle),
    consumed: consumedBy(candidate, riddle)
  })
  const smaller = (n: number) => [0, Math.floor(n / 2), n - 1].filter((m) => m >= 0 && m < n)
  return {
    tryCandidate,
    trySeed: (workload, faults, seed) =>
      tryCandidate({ workload, faults, choices: { ...calm, gap: [1 + (seed % 7), seed % 3, 1] } }),
    shrinkWorkload: smaller,
    shrinkFault: smaller
  }
}

const sizeOfFaults = (faults: ReadonlyArray<number>): number =>
  faults.reduce((size, fault) => size + fault, faults.length)

describe("shrink, for all failures", () => {
  const failing = fc
    .record({ settings: riddles, start: cases, maxRuns: fc.integer({ min: 1, max: 3000 }) })
    .filter(({ settings, start }) => failureOf(start, settings) !== undefined)

  it("it ends in time, with what fails in the same way when it is run", () => {
    fc.assert(
      fc.property(failing, ({ maxRuns, settings, start }) => {
        const failure = failureOf(start, settings) ?? ""
        const subject = riddle(settings)
        const { candidate, otherFailures, runs } = shrink(subject, start, failure, { maxRuns })
        assert.isAtMost(runs, maxRuns)
        assert.strictEqual(failureOf(candidate, settings), failure)
        assert.notInclude(otherFailures, failure)
      }),
      { numRuns: 300 }
    )
  })

  it("nothing ever gets larger", () => {
    fc.assert(
      fc.property(failing, ({ maxRuns, settings, start }) => {
        const failure = failureOf(start, settings) ?? ""
        const { candidate } = shrink(riddle(settings), start, failure, { maxRuns })
        assert.isAtMost(candidate.workload, start.workload)
        assert.isAtMost(sizeOfFaults(candidate.faults), sizeOfFaults(start.faults))
        const same =
          candidate.workload === start.workload &&
          sizeOfFaults(candidate.faults) === sizeOfFaults(start.faults)
        if (same) assert.isFalse(isSimpler(start.choices, candidate.choices))
      }),
      { numRuns: 300 }
    )
  })

  it("what is complete does not get smaller when it is shrunk again", () => {
    fc.assert(
      fc.property(failing, ({ settings, start }) => {
        const failure = failureOf(start, settings) ?? ""
        const options = { freshSeeds: 0, maxRuns: 20_000 }
        const once = shrink(riddle(settings), start, failure, options)
        assert.isTrue(once.complete)
        assert.deepStrictEqual(
          shrink(riddle(settings), once.candidate, failure, options).candidate,
          once.candidate
        )
      }),
      { numRuns: 200 }
    )
  })
})
