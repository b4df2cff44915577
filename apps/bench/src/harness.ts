/**
 * Measures what calls cost, side by side.
 *
 * A machine is never quiet, so no figure is compared with one that was taken at another time: in each round every
 * subject is measured once, right after the other, and what is compared is the two samples of one round. The
 * result is the median of those ratios, with the quartiles as its spread.
 */

/** One way to make a call. */
export interface Subject {
  readonly name: string
  /** Makes so many calls, and ends when the last of them has ended. */
  readonly run: (calls: number) => Promise<unknown>
  readonly against?: Against
  /** What a reader must know to compare it with the others. */
  readonly note?: string
}

export interface Against {
  /** The name of another subject of the group. */
  readonly peer: string
  /** Whether whole calls are compared, or what each adds over the bare call. */
  readonly by: "total" | "added"
  /** The ratio that was promised; a comparison without one is for information. */
  readonly target?: number
}

/** Subjects that are measured together; the first is the bare call. */
export interface Group {
  readonly name: string
  readonly title: string
  readonly subjects: ReadonlyArray<Subject>
  /** Calls are made in multiples of this; 1 by default. */
  readonly multiple?: number
}

export interface Budget {
  readonly rounds: number
  /** What one sample takes at least. */
  readonly sampleMillis: number
  /** What each subject runs before it is measured. */
  readonly warmUpMillis: number
}

/** The time per call of every subject, in the order of the group. */
export type Round = ReadonlyArray<number>

const nanosPerMilli = 1e6
const nanosPerMicro = 1e3

/**
 * Nanoseconds of processor time that so many calls take, on all threads of the process, so that the collection of
 * garbage counts, and what else runs on the machine does not.
 */
const time = async (subject: Subject, calls: number): Promise<number> => {
  const start = process.cpuUsage()
  await subject.run(calls)
  const { system, user } = process.cpuUsage(start)
  return (user + system) * nanosPerMicro
}

/** Runs the subject for so long, and returns the largest number of calls that it made at once. */
const runFor = async (subject: Subject, multiple: number, millis: number): Promise<number> => {
  let calls = multiple
  for (let spentNanos = 0; spentNanos < millis * nanosPerMilli; calls *= 2) {
    spentNanos += await time(subject, calls)
  }
  return calls / 2
}

/** How many calls fill a sample. */
const calibrate = async (subject: Subject, multiple: number, budget: Budget): Promise<number> => {
  const calls = await runFor(subject, multiple, budget.sampleMillis)
  const nanosPerCall = (await time(subject, calls)) / calls
  return multiple * Math.ceil((budget.sampleMillis * nanosPerMilli) / nanosPerCall / multiple)
}

/**
 * Leaves no young garbage to the next sample; needs `--expose-gc`. A full collection would make that sample slow: it
 * throws away compiled code whose objects all happen to be dead at that moment.
 */
const collectGarbage = (): void => globalThis.gc?.({ execution: "sync", type: "minor" })

/** Measures a group, and tells of each round as soon as it is complete. */
export const measure = async (
  group: Group,
  budget: Budget,
  onRound: (round: Round) => void
): Promise<void> => {
  const { multiple = 1, subjects } = group
  // Twice, so that nobody is compiled for a program in which the others have not run yet.
  for (const millis of [budget.warmUpMillis / 2, budget.warmUpMillis / 2]) {
    for (const subject of subjects) await runFor(subject, multiple, millis)
  }
  const planned: Array<{ readonly index: number; readonly subject: Subject; readonly calls: number }> = []
  for (const [index, subject] of subjects.entries()) {
    planned.push({ index, subject, calls: await calibrate(subject, multiple, budget) })
  }
  for (let round = 0; round < budget.rounds; round++) {
    const nanosPerCall = new Array<number>(subjects.length)
    // There and back, so that a drift of the machine favours nobody.
    for (const { calls, index, subject } of round % 2 === 0 ? planned : planned.toReversed()) {
      collectGarbage()
      nanosPerCall[index] = (await time(subject, calls)) / calls
    }
    onRound(nanosPerCall)
  }
}

export interface Spread {
  readonly median: number
  readonly lowerQuartile: number
  readonly upperQuartile: number
  readonly min: number
  readonly max: number
}

/** Quantiles between two values are interpolated. */
export const spread = (values: ReadonlyArray<number>): Spread => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (quantile: number): number => {
    const position = quantile * (sorted.length - 1)
    const below = sorted[Math.floor(position)] ?? Number.NaN
    const above = sorted[Math.ceil(position)] ?? Number.NaN
    return below + (above - below) * (position - Math.floor(position))
  }
  return { median: at(0.5), lowerQuartile: at(0.25), upperQuartile: at(0.75), min: at(0), max: at(1) }
}

export interface Ratio extends Against, Spread {
  /** Whether the median keeps the target, where there is one. */
  readonly ok?: boolean
}

/** What is known of a subject after all rounds. */
export interface Row {
  readonly subject: string
  readonly note?: string
  readonly nanosPerCall: Spread
  /** Over the bare call; zero for the bare call itself. */
  readonly addedNanos: Spread
  readonly ratio?: Ratio
}

/** Compares the subjects within each round, then sums up the rounds. */
export const compare = (
  subjects: ReadonlyArray<Omit<Subject, "run">>,
  rounds: ReadonlyArray<Round>
): ReadonlyArray<Row> => {
  const total = (name: string) => {
    const index = subjects.findIndex((subject) => subject.name === name)
    if (index < 0) throw new Error(`no subject has the name "${name}"`)
    return rounds.map((round) => round[index] ?? Number.NaN)
  }
  const bare = total(subjects[0]?.name ?? "")
  const added = (name: string) => minus(total(name), bare)
  return subjects.map(({ against, name, note }) => ({
    subject: name,
    ...(note === undefined ? {} : { note }),
    nanosPerCall: spread(total(name)),
    addedNanos: spread(added(name)),
    ...(against === undefined ? {} : { ratio: ratio(against, against.by === "total" ? total : added, name) })
  }))
}

const ratio = (against: Against, figures: (name: string) => ReadonlyArray<number>, name: string): Ratio => {
  const peer = figures(against.peer)
  const ratios = spread(figures(name).map((figure, round) => figure / (peer[round] ?? Number.NaN)))
  return {
    ...against,
    ...ratios,
    ...(against.target === undefined ? {} : { ok: ratios.median <= against.target })
  }
}

const minus = (left: ReadonlyArray<number>, right: ReadonlyArray<number>): ReadonlyArray<number> =>
  left.map((value, index) => value - (right[index] ?? Number.NaN))
