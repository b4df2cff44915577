/** Endpoints whose behaviour over time is data, and a diary of all that they are asked. */
import { Effect, Exit, type Latch, Schema, type Scope } from "effect"
import * as fc from "fast-check"
import { lengthOf, now, wait, words } from "./time.ts"

/** What an endpoint says instead of an answer. */
export class Trouble extends Schema.TaggedError<Trouble>("sim/Trouble")("Trouble", {
  endpoint: Schema.String,
  /** It took nothing; it may have done it; the request is wrong. */
  kind: Schema.Literals(["refused", "erred", "rejected"])
}) {}

/** What it does with one request. */
export interface Reaction {
  readonly how: "answers" | "refuses" | "errs" | "hangs" | "dies" | "gives up"
  readonly nanos: number
  /** It cannot be interrupted meanwhile. */
  readonly holds: boolean
}

export interface Mood {
  readonly probe: Reaction
  readonly call: Reaction
}

/** Moods, one after the other; the last one stays, or all begin anew. */
export interface Process {
  readonly phases: ReadonlyArray<{ readonly nanos: number; readonly mood: Mood }>
  readonly repeats: boolean
}

/** One attempt to build a client. */
export interface Acquire {
  readonly how: "gives" | "fails" | "dies" | "hangs"
  readonly nanos: number
  readonly holds: boolean
}

export interface Plan {
  readonly weight: number
  readonly process: Process
  /** `undefined`: its client is there already. Each attempt to build one takes the next; later ones give it at once. */
  readonly scoped:
    | {
        readonly acquires: ReadonlyArray<Acquire>
        readonly releaseNanos: number
        readonly releaseDies: boolean
      }
    | undefined
}

// ----------------------------------------------------------------------------
// Drawn
// ----------------------------------------------------------------------------

const both = (reaction: Reaction): Mood => ({ probe: reaction, call: reaction })

const answering = (nanos: number): Reaction => ({ how: "answers", nanos, holds: false })

const giving: Acquire = { how: "gives", nanos: 0, holds: false }

const refusing: Reaction = { how: "refuses", nanos: 0, holds: false }

const calm = (nanos: number): Mood => both(answering(nanos))

const badReactionOf = (unit: number): fc.Arbitrary<Reaction> =>
  fc.record({
    how: fc.constantFrom<Reaction["how"]>("refuses", "errs", "hangs", "refuses", "hangs", "dies", "gives up"),
    nanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    holds: fc.constantFrom(false, false, false, false, true)
  })

/** Latencies about the threshold, on both sides of it. */
const latencyOf = (unit: number, thresholdNanos: number): fc.Arbitrary<number> =>
  fc.oneof(
    lengthOf(unit),
    fc.constantFrom(0, 1, -1, 2).map((offset) => Math.max(0, thresholdNanos + offset)),
    lengthOf(unit / 8),
    lengthOf(unit).map((nanos) => nanos + thresholdNanos)
  )

const answerOf = (unit: number, thresholdNanos: number): fc.Arbitrary<Reaction> =>
  fc.record({
    how: fc.constant<Reaction["how"]>("answers"),
    nanos: latencyOf(unit, thresholdNanos),
    holds: fc.constantFrom(false, false, false, false, false, true)
  })

const reactionOf = (unit: number, thresholdNanos: number): fc.Arbitrary<Reaction> =>
  fc.oneof(
    { weight: 3, arbitrary: answerOf(unit, thresholdNanos) },
    { weight: 2, arbitrary: badReactionOf(unit) }
  )

const moodOf = (unit: number, thresholdNanos: number): fc.Arbitrary<Mood> => {
  const reaction = reactionOf(unit, thresholdNanos)
  return fc.oneof(
    { weight: 3, arbitrary: reaction.map(both) },
    // A failure that only one of both sees.
    { weight: 1, arbitrary: fc.record({ probe: reaction, call: reaction }) }
  )
}

const for_ = (unit: number): fc.Arbitrary<number> =>
  fc.oneof(lengthOf(unit), lengthOf(4 * unit), lengthOf(16 * unit)).map((nanos) => nanos + unit)

const processOf = (unit: number, thresholdNanos: number): fc.Arbitrary<Process> => {
  const latency = latencyOf(unit, thresholdNanos)
  const steady = latency.map(
    (nanos): Process => ({ phases: [{ nanos: unit, mood: calm(nanos) }], repeats: false })
  )
  // In steps, up or down.
  const drift = fc
    .tuple(for_(unit), fc.integer({ min: 2, max: 6 }), lengthOf(unit / 2), fc.boolean())
    .map(([nanos, steps, stepNanos, isUp]): Process => {
      const phases = Array.from({ length: steps }, (_, step) => ({ nanos, mood: calm(step * stepNanos) }))
      return { phases: isUp ? phases : phases.reverse(), repeats: false }
    })
  const alternating = fc.tuple(for_(unit), for_(unit), latency, latency).map(
    ([one, other, fast, slow]): Process => ({
      phases: [
        { nanos: one, mood: calm(fast) },
        { nanos: other, mood: calm(slow) }
      ],
      repeats: true
    })
  )
  const flapping = fc.tuple(for_(unit), for_(unit), latency, badReactionOf(unit)).map(
    ([up, down, nanos, reaction]): Process => ({
      phases: [
        { nanos: up, mood: calm(nanos) },
        { nanos: down, mood: both(reaction) }
      ],
      repeats: true
    })
  )
  const spiking = fc.tuple(for_(4 * unit), latency, latency).map(
    ([nanos, usual, spike]): Process => ({
      phases: [
        { nanos, mood: calm(usual) },
        { nanos: unit, mood: calm(spike) }
      ],
      repeats: true
    })
  )
  const any = fc.record({
    phases: fc.array(fc.record({ nanos: for_(unit), mood: moodOf(unit, thresholdNanos) }), {
      minLength: 1,
      maxLength: 5
    }),
    repeats: fc.boolean()
  })
  return fc.oneof(steady, drift, alternating, flapping, spiking, { weight: 4, arbitrary: any })
}

const acquireOf = (unit: number): fc.Arbitrary<Acquire> =>
  fc.record({
    how: fc.constantFrom<Acquire["how"]>("gives", "gives", "fails", "dies", "hangs"),
    nanos: fc.oneof(fc.constant(0), lengthOf(unit)),
    holds: fc.constantFrom(false, false, false, true)
  })

export const planOf = (unit: number, thresholdNanos: number): fc.Arbitrary<Plan> =>
  fc.record({
    weight: fc.constantFrom(1, 1, 2, 0.5, 10),
    process: processOf(unit, thresholdNanos),
    scoped: fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      {
        weight: 1,
        arbitrary: fc.record({
          acquires: fc.array(acquireOf(unit), { maxLength: 3 }),
          releaseNanos: fc.oneof(
            { weight: 4, arbitrary: fc.constant(0) },
            { weight: 2, arbitrary: lengthOf(unit) },
            { weight: 1, arbitrary: fc.constant(Infinity) }
          ),
          releaseDies: fc.constantFrom(false, false, false, true)
        })
      }
    )
  })

// ----------------------------------------------------------------------------
// In words
// ----------------------------------------------------------------------------

const describeReaction = ({ holds, how, nanos }: Reaction): string =>
  `${how}${how === "hangs" ? "" : ` in ${words(nanos)}`}${holds ? " and holds" : ""}`

const describeMood = ({ call, probe }: Mood): string =>
  JSON.stringify(call) === JSON.stringify(probe)
    ? describeReaction(call)
    : `${describeReaction(probe)} to probes, ${describeReaction(call)} to calls`

export const describePlan = ({ process, scoped, weight }: Plan): string => {
  const last = process.phases.length - 1
  const phases = process.phases.map(({ mood, nanos }, index) =>
    index === last && !process.repeats ? describeMood(mood) : `${describeMood(mood)} for ${words(nanos)}`
  )
  const acquires = (scoped?.acquires ?? []).map(
    ({ holds, how, nanos }) => `${how} in ${words(nanos)}${holds ? " and holds" : ""}`
  )
  const client =
    scoped === undefined
      ? ""
      : `, its client: ${[...acquires, "gives"].join(", then ")}, released in ${words(scoped.releaseNanos)}${scoped.releaseDies ? ", and dies of it" : ""}`
  return `${phases.join(", then ")}${process.repeats ? ", again and again" : ""}, weight ${weight}${client}`
}

// ----------------------------------------------------------------------------
// The diary
// ----------------------------------------------------------------------------

export type Ending = "answered" | "refused" | "erred" | "rejected" | "died" | "cut"

/** One request: a probe, or an attempt of a call. */
export interface Request {
  readonly endpoint: string
  readonly startNanos: number
  readonly holds: boolean
  endNanos: number | undefined
  ending: Ending | undefined
}

export interface Client {
  readonly endpoint: string
  readonly plan: Plan
  /** Where what is asked of it is written down. */
  readonly diary: Diary
}

/** One attempt to build a client, and its life. */
export interface Life {
  readonly endpoint: string
  readonly startNanos: number
  readonly holds: boolean
  endNanos: number | undefined
  /** When there was something to release. */
  openNanos: number | undefined
  ending: "given" | "not given" | undefined
  releasingNanos: number | undefined
  releasedNanos: number | undefined
  releases: number
}

/** What one pool asked its endpoints. */
export class Diary {
  readonly probes: Array<Request> = []
  readonly lives: Array<Life> = []
  /** How often a client of each endpoint was asked for. */
  readonly asked = new Map<string, number>()
}

const endingOf = (exit: Exit.Exit<unknown, unknown>): Ending => {
  if (Exit.isSuccess(exit)) return "answered"
  for (const reason of exit.cause.reasons) {
    if (reason._tag === "Die") return "died"
    if (reason._tag === "Fail" && reason.error instanceof Trouble) return reason.error.kind
  }
  return "cut"
}

/** Runs what is asked, and writes down when it began, and how it ended. */
export const recorded = <A, E, R>(
  into: Array<Request>,
  endpoint: string,
  holds: boolean,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(now, (startNanos) => {
      const request: Request = { endpoint, startNanos, holds, endNanos: undefined, ending: undefined }
      into.push(request)
      return Effect.onExit(restore(effect), (exit) =>
        Effect.map(now, (endNanos) => {
          request.endNanos = endNanos
          request.ending = endingOf(exit)
        })
      )
    })
  )

// ----------------------------------------------------------------------------
// The world
// ----------------------------------------------------------------------------

const moodAt = ({ phases, repeats }: Process, nanos: number): Mood | undefined => {
  const period = phases.reduce((sum, phase) => sum + phase.nanos, 0)
  let left = repeats ? nanos % period : nanos
  for (const phase of phases) {
    if (left < phase.nanos) return phase.mood
    left -= phase.nanos
  }
  return phases.at(-1)?.mood
}

export class World {
  /** From when on all is well; and of what is under way, what hangs is let go when all has ended. */
  healedNanos = Infinity
  /** The only one that is well, if that is so. */
  alone: string | undefined = undefined
  private readonly healthyNanos: number
  private readonly released: Latch.Latch

  constructor(healthyNanos: number, released: Latch.Latch) {
    this.healthyNanos = healthyNanos
    this.released = released
  }

  mood({ endpoint, plan: { process } }: Client, nanos: number): Mood {
    if (this.alone !== undefined && this.alone !== endpoint) return both(refusing)
    return (nanos >= this.healedNanos ? undefined : moodAt(process, nanos)) ?? calm(this.healthyNanos)
  }

  /** Does what a reaction says. */
  react(endpoint: string, { holds, how, nanos }: Reaction): Effect.Effect<string, Trouble> {
    const ends = Effect.suspend((): Effect.Effect<string, Trouble> => {
      switch (how) {
        case "answers":
          return Effect.succeed(endpoint)
        case "refuses":
          return Effect.fail(new Trouble({ endpoint, kind: "refused" }))
        case "errs":
          return Effect.fail(new Trouble({ endpoint, kind: "erred" }))
        case "dies":
          return Effect.die(new Error("a bug of a client"))
        case "gives up":
          return Effect.interrupt
        case "hangs":
          return Effect.as(this.released.await, "released")
      }
    })
    const all = how === "hangs" ? ends : Effect.andThen(wait(nanos), ends)
    return holds ? Effect.uninterruptible(all) : all
  }

  probe(client: Client): Effect.Effect<string, Trouble> {
    return Effect.flatMap(now, (nanos) => {
      const { probe } = this.mood(client, nanos)
      return recorded(client.diary.probes, client.endpoint, probe.holds, this.react(client.endpoint, probe))
    })
  }

  /** Builds a client, as its plan has it. */
  acquire(endpoint: string, plan: Plan, diary: Diary): Effect.Effect<Client, Trouble, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const count = diary.asked.get(endpoint) ?? 0
      diary.asked.set(endpoint, count + 1)
      const isHealed = (yield* now) >= this.healedNanos
      const acquire = (isHealed ? undefined : plan.scoped?.acquires[count]) ?? giving
      const life: Life = {
        endpoint,
        startNanos: yield* now,
        holds: acquire.holds,
        endNanos: undefined,
        openNanos: undefined,
        ending: undefined,
        releasingNanos: undefined,
        releasedNanos: undefined,
        releases: 0
      }
      diary.lives.push(life)
      const opened = Effect.acquireRelease(
        Effect.map(now, (nanos) => {
          life.openNanos = nanos
        }),
        () => this.release(life, plan)
      )
      const ends = Effect.suspend((): Effect.Effect<void, Trouble> => {
        if (acquire.how === "fails") return Effect.fail(new Trouble({ endpoint, kind: "refused" }))
        if (acquire.how === "dies") return Effect.die(new Error("a bug of an acquisition"))
        return acquire.how === "hangs" ? Effect.andThen(this.released.await, Effect.interrupt) : Effect.void
      })
      const building = Effect.andThen(Effect.andThen(wait(acquire.nanos), opened), ends)
      const whole = acquire.holds ? Effect.uninterruptible(building) : building
      yield* Effect.onExit(whole, (exit) =>
        Effect.map(now, (nanos) => {
          life.endNanos = nanos
          life.ending = Exit.isSuccess(exit) ? "given" : "not given"
        })
      )
      return { endpoint, plan, diary } satisfies Client
    })
  }

  private release(life: Life, { scoped }: Plan): Effect.Effect<void> {
    const nanos = scoped?.releaseNanos ?? 0
    return Effect.gen({ self: this }, function* () {
      life.releases++
      life.releasingNanos = yield* now
      yield* nanos === Infinity ? this.released.await : wait(nanos)
      life.releasedNanos = yield* now
      if (scoped?.releaseDies === true) return yield* Effect.die(new Error("a bug of a release"))
    })
  }
}
