/** Servers of every kind, for fast-check. */
import * as fc from "fast-check"
import type { Behaviour, Phase, Script } from "../../FlakyServer.ts"

/** Bounds of what a person can still read in a report. */
const maxCalls = 4
const maxPhases = 3
const maxPhaseMillis = 60_000

/** Instants that most programs tell apart, and those around them; the scale is logarithmic, because theirs is. */
const anyMillis = fc.oneof(
  fc.constantFrom(0, 1),
  fc.integer({ min: 0, max: 100 }),
  fc.integer({ min: 0, max: 2_000 }),
  fc.integer({ min: 0, max: maxPhaseMillis })
)

/** Tries the simplest value first. Works on values without context too, such as those of a replayed scenario. */
class Towards<A> extends fc.Arbitrary<A> {
  private readonly simplest: A
  private readonly from: fc.Arbitrary<A>

  constructor(simplest: A, from: fc.Arbitrary<A>) {
    super()
    this.simplest = simplest
    this.from = from
  }

  /** These values are plain data whose keys have an order. */
  private isSimplest(value: unknown): boolean {
    return JSON.stringify(value) === JSON.stringify(this.simplest)
  }

  generate(random: fc.Random, biasFactor: number | undefined): fc.Value<A> {
    return this.from.generate(random, biasFactor)
  }

  canShrinkWithoutContext(value: unknown): value is A {
    return this.isSimplest(value) || this.from.canShrinkWithoutContext(value)
  }

  shrink(value: A, context: unknown): fc.Stream<fc.Value<A>> {
    if (this.isSimplest(value)) return fc.Stream.nil()
    return fc.Stream.of(new fc.Value(this.simplest, undefined)).join(this.from.shrink(value, context))
  }
}

const behaviourOf = (latencyMillis: fc.Arbitrary<number>): fc.Arbitrary<Behaviour> => {
  const tagged = <const Tag extends Behaviour["_tag"]>(_tag: Tag) =>
    fc.record({ _tag: fc.constant(_tag), latencyMillis })
  return new Towards<Behaviour>(
    { _tag: "Answer", latencyMillis: 0 },
    fc.oneof(
      { arbitrary: tagged("Answer"), weight: 3 },
      fc.record({ _tag: fc.constant<"Hang">("Hang") }),
      tagged("Refuse"),
      fc.record({
        _tag: fc.constant<"Error">("Error"),
        latencyMillis,
        status: fc.constantFrom(500, 503),
        commits: fc.boolean()
      }),
      { arbitrary: tagged("LoseReply"), weight: 2 },
      tagged("Die"),
      tagged("Uninterruptible")
    )
  )
}

const phaseOf = (behaviour: fc.Arbitrary<Behaviour>): fc.Arbitrary<Phase> =>
  fc.record({
    behaviour,
    forMillis: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: maxPhaseMillis }))
  })

export const scriptOf = (latencyMillis: fc.Arbitrary<number> = anyMillis): fc.Arbitrary<Script> => {
  const behaviour = behaviourOf(latencyMillis)
  const phase = phaseOf(behaviour)
  return new Towards<Script>(
    { _tag: "Calls", calls: [], afterwards: { _tag: "Answer", latencyMillis: 0 } },
    fc.oneof(
      fc.record({
        _tag: fc.constant<"Calls">("Calls"),
        calls: fc.array(behaviour, { maxLength: maxCalls }),
        afterwards: behaviour
      }),
      fc.record({
        _tag: fc.constant<"Phases">("Phases"),
        phases: fc.array(phase, { maxLength: maxPhases }),
        afterwards: behaviour
      }),
      fc.record({ _tag: fc.constant<"Flap">("Flap"), up: phase, down: phase })
    )
  )
}
