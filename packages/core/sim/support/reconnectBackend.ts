/** A backend whose lives are data, and a diary of all that happens to its connections. */
import { Cause, Effect, Exit, type Latch, Schema } from "effect"
import * as fc from "fast-check"
import { lengthOf, now, sleep, wait, words } from "./time.ts"

export class Broken extends Schema.TaggedError<Broken>("sim/Broken")("Broken", { attempt: Schema.Number }) {}

export const isBroken = (error: unknown): error is Broken => error instanceof Broken

/** What one attempt to connect, and the life that it may begin, is like. */
export interface Life {
  /** How long each of the two steps of a connect takes. */
  readonly dialNanos: number
  readonly dial: "accepts" | "refuses" | "dies" | "hangs" | "gives up"
  /** None of it can be interrupted. */
  readonly isStubborn: boolean
  readonly prepareNanos: number
  readonly prepare: "succeeds" | "fails" | "dies" | "hangs"
  /** How long after it accepted it dies; never when infinite. */
  readonly lifeNanos: number
  /** How calls find out that it is dead: they fail, or nothing is heard. */
  readonly death: "errors" | "silence"
  /** How long its release takes; for ever when infinite. */
  readonly releaseNanos: number
  readonly releaseDies: boolean
}

const healthy: Life = {
  dialNanos: 0,
  dial: "accepts",
  isStubborn: false,
  prepareNanos: 0,
  prepare: "succeeds",
  lifeNanos: Infinity,
  death: "errors",
  releaseNanos: 0,
  releaseDies: false
}

export const lifeOf = (unit: number, hasProbe: boolean): fc.Arbitrary<Life> =>
  fc
    .record({
      dialNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
      dial: fc.constantFrom<Life["dial"]>(
        "accepts",
        "accepts",
        "accepts",
        "refuses",
        "dies",
        "hangs",
        "gives up"
      ),
      isStubborn: fc.constantFrom(false, false, false, true),
      prepareNanos: fc.oneof(fc.constant(0), lengthOf(unit)),
      prepare: fc.constantFrom<Life["prepare"]>("succeeds", "succeeds", "succeeds", "fails", "dies", "hangs"),
      lifeNanos: fc.oneof(fc.constant(0), lengthOf(unit), lengthOf(4 * unit)),
      death: fc.constantFrom<Life["death"]>("errors", "silence"),
      releaseNanos: fc.oneof(
        { weight: 4, arbitrary: fc.constant(0) },
        { weight: 2, arbitrary: lengthOf(unit) },
        { weight: 1, arbitrary: fc.constant(Infinity) }
      ),
      releaseDies: fc.constantFrom(false, false, false, true)
    })
    // What nobody asks is not found out: only a probe hears a silence, and ends a preparation that hangs.
    .map((life) =>
      hasProbe
        ? life
        : { ...life, death: "errors", prepare: life.prepare === "hangs" ? "fails" : life.prepare }
    )

export const describeLife = (life: Life): string =>
  [
    ...(life.isStubborn ? ["cannot be interrupted"] : []),
    `${life.dial} after 2 × ${words(life.dialNanos)}`,
    ...(life.dial === "accepts"
      ? [
          `its preparation ${life.prepare} after ${words(life.prepareNanos)}`,
          `lives for ${words(life.lifeNanos)}, and ends in ${life.death}`
        ]
      : []),
    `is released in ${words(life.releaseNanos)}${life.releaseDies ? ", and dies of it" : ""}`
  ].join(", ")

export type Kind =
  | "attempt"
  | "open"
  | "connected"
  | "preparing"
  | "prepared"
  | "unprepared"
  | "use"
  | "used"
  | "lost"
  | "releasing"
  | "released"

export interface Entry {
  readonly kind: Kind
  /** Which attempt, from 1; of `lost`, `preparing` and the like, the one that the generation comes from. */
  readonly attempt: number
  readonly generation: number | undefined
  readonly atNanos: number
}

export interface Connection {
  readonly attempt: number
  /** Takes its time, and fails when the backend is dead, or dies meanwhile. */
  readonly call: (nanos: number) => Effect.Effect<void, Broken>
}

export class Backend {
  readonly diary: Array<Entry> = []
  /** When each attempt's life ends, from when it accepted. */
  readonly deaths = new Map<number, number>()
  private readonly attemptOf = new Map<number, number>()
  private attempts = 0
  private readonly lives: ReadonlyArray<Life>
  /** Opened at the end, so that what hangs leaves nothing behind. */
  private readonly released: Latch.Latch

  constructor(lives: ReadonlyArray<Life>, released: Latch.Latch) {
    this.lives = lives
    this.released = released
  }

  life(attempt: number): Life {
    return this.lives[attempt - 1] ?? healthy
  }

  note(kind: Kind, attempt: number, generation?: number): Effect.Effect<void> {
    return Effect.map(now, (atNanos) => void this.diary.push({ kind, attempt, generation, atNanos }))
  }

  of(kind: Kind): ReadonlyArray<Entry> {
    return this.diary.filter((entry) => entry.kind === kind)
  }

  private get hang(): Effect.Effect<void> {
    return this.released.await
  }

  readonly connect = Effect.suspend(() => {
    const attempt = ++this.attempts
    const life = this.life(attempt)
    const dialing = Effect.gen({ self: this }, function* () {
      yield* this.note("attempt", attempt)
      yield* wait(life.dialNanos)
      yield* Effect.acquireRelease(this.note("open", attempt), () => this.release(attempt))
      yield* wait(life.dialNanos)
      switch (life.dial) {
        case "refuses":
          return yield* Effect.fail(new Broken({ attempt }))
        case "dies":
          return yield* Effect.die(new Error("a bug of connect"))
        case "gives up":
          return yield* Effect.interrupt
        case "hangs":
          yield* this.hang
          return yield* Effect.interrupt
        case "accepts":
      }
      this.deaths.set(attempt, (yield* now) + life.lifeNanos)
      yield* this.note("connected", attempt)
      return { attempt, call: (nanos: number) => this.call(attempt, nanos) } satisfies Connection
    })
    return life.isStubborn ? Effect.uninterruptible(dialing) : dialing
  })

  private release(attempt: number): Effect.Effect<void> {
    const { releaseDies, releaseNanos } = this.life(attempt)
    return Effect.gen({ self: this }, function* () {
      yield* this.note("releasing", attempt)
      yield* releaseNanos === Infinity ? this.hang : wait(releaseNanos)
      yield* this.note("released", attempt)
      if (releaseDies) return yield* Effect.die(new Error("a bug of a release"))
    })
  }

  readonly prepare = ({ attempt, call }: Connection, generation: number): Effect.Effect<void, unknown> =>
    Effect.gen({ self: this }, function* () {
      const { prepare, prepareNanos } = this.life(attempt)
      this.attemptOf.set(generation, attempt)
      yield* this.note("preparing", attempt, generation)
      yield* call(prepareNanos)
      if (prepare === "fails") return yield* Effect.fail("not ready")
      if (prepare === "dies") return yield* Effect.die(new Error("a bug of onConnect"))
      if (prepare === "hangs") yield* this.hang
      yield* this.note("prepared", attempt, generation)
    }).pipe(
      Effect.onExit((exit) =>
        Exit.isSuccess(exit) ? Effect.void : this.note("unprepared", attempt, generation)
      )
    )

  readonly lost = (generation: number): Effect.Effect<void> =>
    this.note("lost", this.attemptOf.get(generation) ?? 0, generation)

  private call(attempt: number, nanos: number): Effect.Effect<void, Broken> {
    return Effect.gen({ self: this }, function* () {
      const left = (this.deaths.get(attempt) ?? 0) - (yield* now)
      if (left > 0 && nanos < left) return yield* wait(nanos)
      if (left > 0) yield* sleep(left)
      if (this.life(attempt).death === "errors") return yield* Effect.fail(new Broken({ attempt }))
      return yield* Effect.interruptible(this.hang)
    })
  }
}

/** A cause in a word, for what a use came to. */
export const tagOf = (exit: Exit.Exit<unknown, unknown>): string => {
  if (Exit.isSuccess(exit)) return "served"
  const error = Cause.squash(exit.cause)
  if (typeof error !== "object" || error === null) return String(error)
  const reason: unknown = Reflect.get(error, "reason")
  return `${String(Reflect.get(error, "_tag"))}${typeof reason === "string" ? ` ${reason}` : ""}`
}
