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
  /** Calls are made in multiples of this; those of the group by default. */
  readonly multiple?: number
  /** The ratio to the peer that was promised: at most, or with `by: "speed"` at least. */
  readonly target?: number
  /** What a reader must know to compare it with the others. */
  readonly note?: string
}

/** Subjects that are measured together; the first is the bare call. */
export interface Group {
  readonly name: string
  readonly title: string
  /** The subject that all others are compared with. */
  readonly peer: string
  /**
   * Whether whole calls are compared, or what each adds over the bare call; `"speed"` says how many calls are made in the
   * time that the peer needs for one.
   */
  readonly by: "total" | "added" | "speed"
  /** Calls that wait for something, such as a disk, are timed by the clock; others by what they take of the processor. */
  readonly clock?: "processor" | "wall"
  readonly subjects: ReadonlyArray<Subject>
  /** Calls are made in multiples of this; 1 by default. */
  readonly multiple?: number
  /** Runs before anything else is loaded. */
  readonly preload?: URL
  /** Ends what the subjects share, when all is measured. */
  readonly close?: () => Promise<void>
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
 * Nanoseconds of processor time on all threads of this process, so that the collection of garbage counts, and what else
 * runs on the machine does not. Windows counts them in ticks that are too long for a sample; there it is the clock.
 */
const spentNanos = (): number => {
  if (process.platform === "win32") return Number(process.hrtime.bigint())
  const { system, user } = process.cpuUsage()
  return (user + system) * nanosPerMicro
}

const clocks: Record<NonNullable<Group["clock"]>, () => number> = {
  processor: spentNanos,
  wall: () => Number(process.hrtime.bigint())
}

/** Nanoseconds that so many calls take. */
type Time = (subject: Subject, calls: number) => Promise<number>

const timeBy =
  (clock: () => number): Time =>
  async (subject, calls) => {
    const start = clock()
    await subject.run(calls)
    return clock() - start
  }

/** Runs the subject for so long, and returns the largest number of calls that it made at once. */
const runFor = async (time: Time, subject: Subject, multiple: number, millis: number): Promise<number> => {
  let calls = multiple
  for (let nanos = 0; nanos < millis * nanosPerMilli; calls *= 2) nanos += await time(subject, calls)
  return calls / 2
}

/** How many calls fill a sample. */
const calibrate = async (time: Time, subject: Subject, multiple: number, budget: Budget): Promise<number> => {
  const calls = await runFor(time, subject, multiple, budget.sampleMillis)
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
  const { clock = "processor", multiple = 1, subjects } = group
  const time = timeBy(clocks[clock])
  // Twice, so that nobody is compiled for a program in which the others have not run yet.
  for (const millis of [budget.warmUpMillis / 2, budget.warmUpMillis / 2]) {
    for (const subject of subjects) await runFor(time, subject, subject.multiple ?? multiple, millis)
  }
  const planned: Array<{ readonly index: number; readonly subject: Subject; readonly calls: number }> = []
  for (const [index, subject] of subjects.entries()) {
    planned.push({
      index,
      subject,
      calls: await calibrate(time, subject, subject.multiple ?? multiple, budget)
    })
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
  await group.close?.()
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
  const quantile = (part: number): number => {
    const position = part * (sorted.length - 1)
    const below = at(sorted, Math.floor(position))
    return below + (at(sorted, Math.ceil(position)) - below) * (position - Math.floor(position))
  }
  return {
    median: quantile(0.5),
    lowerQuartile: quantile(0.25),
    upperQuartile: quantile(0.75),
    min: quantile(0),
    max: quantile(1)
  }
}

export interface Ratio extends Spread {
  readonly target?: number
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
  /** To the peer; none for the peer and for the bare call. */
  readonly ratio?: Ratio
}

/** Compares the subjects within each round, then sums up the rounds. */
export const compare = (
  group: Omit<Group, "subjects"> & { readonly subjects: ReadonlyArray<Omit<Subject, "run">> },
  rounds: ReadonlyArray<Round>
): ReadonlyArray<Row> => {
  const { by, subjects } = group
  const peer = subjects.findIndex(({ name }) => name === group.peer)
  if (peer < 0) throw new Error(`no subject of ${group.name} has the name "${group.peer}"`)
  const total = (index: number) => rounds.map((round) => at(round, index))
  const added = (index: number) => rounds.map((round) => at(round, index) - at(round, 0))
  const figures = by === "added" ? added : total
  return subjects.map(({ name, note, target }, index) => ({
    subject: name,
    ...(note === undefined ? {} : { note }),
    nanosPerCall: spread(total(index)),
    addedNanos: spread(added(index)),
    ...(index === 0 || index === peer ? {} : { ratio: ratio(by, figures(index), figures(peer), target) })
  }))
}

const ratio = (
  by: Group["by"],
  figures: ReadonlyArray<number>,
  peer: ReadonlyArray<number>,
  target: number | undefined
): Ratio => {
  const isSpeed = by === "speed"
  const ratios = spread(
    figures.map((figure, round) => (isSpeed ? at(peer, round) / figure : figure / at(peer, round)))
  )
  if (target === undefined) return ratios
  return { ...ratios, target, ok: isSpeed ? ratios.median >= target : ratios.median <= target }
}

/** A figure that is missing makes all that is computed with it NaN. */
const at = (figures: ReadonlyArray<number>, index: number): number => figures[index] ?? Number.NaN
