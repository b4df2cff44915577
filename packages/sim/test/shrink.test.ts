import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import type * as Choices from "../src/Choices.ts"
import { workloadShrinker } from "../src/internal/shrink/workload.ts"
import { type Candidate, type Shrinkable, shrink, type Tried } from "../src/internal/shrink.ts"

// A small simulator: fibers that add to a counter, reading and writing it in two operations, beside others that only
// take time. It counts operations and picks tasks as the real one does.

interface Workload {
  readonly fibers: number
  readonly rounds: number
  readonly noise: ReadonlyArray<number>
}

interface Fault {
  readonly afterMillis: number
}

type Case = Candidate<Workload, Fault>

const workloads: fc.Arbitrary<Workload> = fc.record(
  {
    fibers: fc.integer({ min: 2, max: 6 }),
    rounds: fc.integer({ min: 1, max: 4 }),
    noise: fc.array(fc.nat(30), { maxLength: 8 })
  },
  { noNullPrototype: true }
)

const plans: fc.Arbitrary<ReadonlyArray<Fault>> = fc.array(fc.record({ afterMillis: fc.nat(9) }), {
  maxLength: 5
})

type Source = (kind: Choices.Kind, n: number) => number

/** Mulberry32, by Tommy Ettinger. */
const dice = (seed: number): (() => number) => {
  let state = Math.imul(seed, 0x9e3779b1)
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000
  }
}

const fromSeed = (seed: number): Source => {
  const next = dice(seed)
  const below = (n: number) => Math.floor(next() * n)
  const gap = [8, 16, 64][below(3)] ?? 8
  return (kind, n) => {
    if (kind === "gap") return 1 + below(gap)
    return kind === "fault" && next() < 0.9 ? 0 : below(n)
  }
}

const fromRecording = (recording: Choices.Recording): Source => {
  const at = { gap: 0, pick: 0, fault: 0, random: 0 }
  return (kind, n) => Math.min(recording[kind][at[kind]++] ?? 0, n - 1)
}

const trimmed = (list: ReadonlyArray<number>) =>
  list.slice(0, list.findLastIndex((choice) => choice !== 0) + 1)

/** Runs tasks to their ends; a task yields after each of its operations. */
const interleave = (tasks: ReadonlyArray<Iterator<void>>, choose: Source): void => {
  const ready = [...tasks]
  let gap = choose("gap", 256) || 256
  while (ready.length > 0) {
    const [task] = ready.splice(ready.length > 1 ? choose("pick", ready.length) : 0, 1)
    while (task !== undefined && task.next().done !== true) {
      if (--gap > 0) continue
      gap = choose("gap", 256) || 256
      ready.push(task)
      break
    }
  }
}

const simulate = (workload: Workload, plan: ReadonlyArray<Fault>, source: Source, needs = 0): Tried => {
  const log: Record<Choices.Kind, Array<number>> = { gap: [], pick: [], fault: [], random: [] }
  const choose: Source = (kind, n) => {
    const choice = source(kind, n)
    log[kind].push(choice)
    return choice
  }
  let counter = 0
  let noise = 0
  const add = function* () {
    for (let round = 0; round < workload.rounds; round++) {
      for (let step = 0; step < 12; step++) yield
      const read = counter
      yield
      counter = read + 1
      yield
    }
  }
  const wait = function* (times: number) {
    for (let step = 0; step < times; step++) {
      noise += choose("random", 100)
      yield
    }
  }
  const late = choose("fault", 4) === 3 ? Math.max(0, ...plan.map(({ afterMillis }) => afterMillis)) : 0
  interleave([...workload.noise.map(wait), ...Array.from({ length: workload.fibers }, add)], choose)
  const lost = counter !== workload.fibers * workload.rounds
  const failure = lost && late >= needs ? "CT-1" : noise > 2000 ? "CT-2" : undefined
  const { fault, gap, pick, random } = log
  const consumed = { gap: trimmed(gap), pick: trimmed(pick), fault: trimmed(fault), random: trimmed(random) }
  return { failure, consumed }
}

const gentler = ({ afterMillis }: Fault): ReadonlyArray<Fault> =>
  afterMillis === 0
    ? []
    : [0, Math.floor(afterMillis / 2), afterMillis - 1].map((millis) => ({ afterMillis: millis }))

const subjectOf = (needs: number, shrinkWorkload: (workload: Workload) => Iterable<Workload>) =>
  ({
    tryCandidate: ({ choices, faults, workload }) =>
      simulate(workload, faults, fromRecording(choices), needs),
    trySeed: (workload, faults, seed) => simulate(workload, faults, fromSeed(seed), needs),
    shrinkWorkload,
    shrinkFault: gentler
  }) satisfies Shrinkable<Workload, Fault>

interface Failing {
  readonly subject: Shrinkable<Workload, Fault>
  readonly failing: Case
}

/** Draws until the counter is wrong; the values are those that fast-check draws for this seed. */
const find = (seed: number, arbitrary = workloads, needs = 0): Failing => {
  const both = fc.tuple(drawn(arbitrary), plans)
  for (const [index, [value, faults]] of fc.sample(both, { seed, numRuns: 500 }).entries()) {
    const workload = value.value
    const { consumed, failure } = simulate(workload, faults, fromSeed(seed * 1000 + index), needs)
    if (failure !== "CT-1") continue
    const subject = subjectOf(needs, workloadShrinker(arbitrary, value))
    return { subject, failing: { workload, faults, choices: consumed } }
  }
  throw new Error(`no failure for the seed ${seed}`)
}

/** What an arbitrary draws, together with what it needs to shrink it. */
const drawn = <A>(arbitrary: fc.Arbitrary<A>): fc.Arbitrary<fc.Value<A>> => new Drawn(arbitrary)

class Drawn<A> extends fc.Arbitrary<fc.Value<A>> {
  private readonly arbitrary: fc.Arbitrary<A>
  constructor(arbitrary: fc.Arbitrary<A>) {
    super()
    this.arbitrary = arbitrary
  }
  generate(random: fc.Random, biasFactor: number | undefined): fc.Value<fc.Value<A>> {
    return new fc.Value(this.arbitrary.generate(random, biasFactor), undefined)
  }
  canShrinkWithoutContext(_value: unknown): _value is fc.Value<A> {
    return false
  }
  shrink(): fc.Stream<fc.Value<fc.Value<A>>> {
    return fc.Stream.nil()
  }
}

const calm: Choices.Recording = { gap: [], pick: [], fault: [], random: [] }

const smallest: Workload = { fibers: 2, rounds: 1, noise: [] }

const seeds = Array.from({ length: 40 }, (_, seed) => seed)

describe("shrink", () => {
  it("a lost update shrinks to two fibers and one preemption, in at most 1,500 runs", () => {
    for (const seed of seeds) {
      const { failing, subject } = find(seed)
      const { candidate, complete, failure, runs } = shrink(subject, failing, "CT-1")
      assert.strictEqual(failure, "CT-1")
      assert.deepStrictEqual(candidate, { workload: smallest, faults: [], choices: { ...calm, gap: [13] } })
      assert.isTrue(complete)
      assert.isAtMost(runs, 1500)
    }
  })

  it("a workload that went through map and filter gets as small", () => {
    const twisted = fc
      .tuple(fc.integer({ min: 1, max: 5 }), workloads)
      .filter(([, { noise }]) => noise.length < 8)
      .map(([more, workload]): Workload => ({ ...workload, fibers: more + 1 }))
    for (const seed of seeds) {
      const { failing, subject } = find(seed, twisted)
      assert.isFalse(twisted.canShrinkWithoutContext(failing.workload))
      const { candidate, runs } = shrink(subject, failing, "CT-1")
      assert.deepStrictEqual(candidate, { workload: smallest, faults: [], choices: { ...calm, gap: [13] } })
      assert.isAtMost(runs, 1500)
    }
  })

  it("what is as small as it gets stays as it is", () => {
    for (const seed of seeds) {
      const { failing, subject } = find(seed)
      const { candidate } = shrink(subject, failing, "CT-1")
      assert.deepStrictEqual(shrink(subject, candidate, "CT-1").candidate, candidate)
    }
  })

  it("without fresh seeds some schedules stay tied to the workload that they were found with", () => {
    const sizes = seeds.map((seed) => {
      const { failing, subject } = find(seed)
      const { workload } = shrink(subject, failing, "CT-1", { freshSeeds: 0 }).candidate
      return workload.fibers * workload.rounds + workload.noise.length
    })
    assert.isAbove(sizes.filter((size) => size > 2).length, 5)
  })

  it("a fault that the failure needs stays, as gentle as it may be, and the others go", () => {
    for (const seed of seeds) {
      const { failing, subject } = find(seed, workloads, 4)
      const { candidate, runs } = shrink(subject, failing, "CT-1")
      assert.deepStrictEqual(candidate.faults, [{ afterMillis: 4 }])
      assert.deepStrictEqual(candidate.workload, smallest)
      assert.deepStrictEqual(candidate.choices, { ...calm, gap: [13], fault: [3] })
      assert.isAtMost(runs, 2500)
    }
  })

  it("another failure is told, but not followed", () => {
    const others = seeds.map((seed) => {
      const { failing, subject } = find(seed)
      const { otherFailures } = shrink(subject, failing, "CT-1")
      return otherFailures
    })
    assert.deepStrictEqual([...new Set(others.flat())], ["CT-2"])
  })

  it("no more runs are made than allowed, and what comes out fails all the same", () => {
    for (const maxRuns of [1, 2, 10, 50, 100]) {
      const { failing, subject } = find(7)
      const { candidate, complete, runs } = shrink(subject, failing, "CT-1", { maxRuns })
      assert.strictEqual(runs, maxRuns)
      assert.isFalse(complete)
      assert.strictEqual(subject.tryCandidate(candidate).failure, "CT-1")
    }
  })

  it("nothing is run when nothing may be", () => {
    const { failing, subject } = find(7)
    const expected = { candidate: failing, failure: "CT-1", otherFailures: [], runs: 0, complete: false }
    assert.deepStrictEqual(shrink(subject, failing, "CT-1", { maxRuns: 0 }), expected)
  })

  it("no run is made once time is up", () => {
    const { failing, subject } = find(7)
    let asked = 0
    const { complete, runs } = shrink(subject, failing, "CT-1", { isExpired: () => ++asked > 20 })
    assert.isFalse(complete)
    assert.isAtMost(runs, 20)
  })

  it("a run that does not fail again comes back as it is", () => {
    const { failing, subject } = find(7)
    const { candidate, complete, runs } = shrink(subject, { ...failing, choices: calm }, "CT-1")
    assert.deepStrictEqual(candidate, { ...failing, choices: calm })
    assert.isFalse(complete)
    assert.strictEqual(runs, 1)
  })
})
