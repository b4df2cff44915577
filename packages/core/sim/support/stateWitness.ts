/** Sees all that the processes of a machine see, and outlives them. */
import { Check, Linearizability } from "@holdfast/sim"
import { Effect } from "effect"

/** What an operation on a value is, and what it writes if it does. */
export type Input = { readonly key: string } & (
  | { readonly _tag: "Read" }
  | { readonly _tag: "Swap"; readonly id: number }
  | { readonly _tag: "Set"; readonly id: number; readonly expected: number }
)

/**
 * - `Is`, `Was`: the value, and its version where it is known; `Was` is told by who has written.
 * - `NotDone`: it has done nothing, and will not.
 * - `Interrupted`: it has done it or not; it will not do it later.
 */
export type Output =
  | { readonly _tag: "Is" | "Was"; readonly value: number; readonly version: number | undefined }
  | { readonly _tag: "Compared"; readonly hasSet: boolean }
  | { readonly _tag: "NotDone" | "Interrupted" }

interface State {
  readonly value: number
  readonly version: number
}

const initial: State = { value: 0, version: 0 }

const isSeen = (state: State, output: { readonly value: number; readonly version: number | undefined }) =>
  state.value === output.value && (output.version === undefined || output.version === state.version)

const stepOf = (state: State, input: Input, output: Output | undefined): ReadonlyArray<State> => {
  const after = input._tag === "Read" ? state : { value: input.id, version: state.version + 1 }
  const fits = input._tag !== "Set" || input.expected === state.version
  switch (output?._tag) {
    case undefined:
    case "Interrupted":
      return fits && input._tag !== "Read" ? [after, state] : [state]
    case "NotDone":
      return [state]
    case "Is":
      return isSeen(state, output) ? [state] : []
    case "Was":
      return isSeen(state, output) ? [after] : []
    case "Compared":
      return output.hasSet === fits ? [output.hasSet ? after : state] : []
  }
}

const model: Linearizability.Model<State, Input, Output> = {
  initial,
  step: (state, input, answer) => stepOf(state, input, answer?.output),
  partition: ({ key }) => key
}

interface Inside {
  readonly owner: string
  readonly fence: number
}

export class Witness {
  private readonly recorder: Linearizability.Recorder<State, Input, Output>
  private readonly inside = new Map<string, Inside>()
  /** The highest fence that somebody was given. */
  private readonly fences = new Map<string, number>()
  private ids = 0

  private constructor(recorder: Linearizability.Recorder<State, Input, Output>) {
    this.recorder = recorder
  }

  static readonly make: Effect.Effect<Witness> = Effect.map(
    Linearizability.recorder(model),
    (recorder) => new Witness(recorder)
  )

  /** A value that nobody else writes. */
  nextId(): number {
    return ++this.ids
  }

  /** What fails is left open: nothing is known of it. */
  record<E>(client: string, input: Input, effect: Effect.Effect<Output, E>): Effect.Effect<Output, E> {
    return this.recorder.record(client, input, effect)
  }

  get linearizable(): Effect.Effect<void> {
    return Effect.flatMap(this.recorder.verdict(), (verdict) =>
      Effect.andThen(Check.linearizable("LS-3", verdict), Check.judged(["LS-4"], undefined))
    )
  }

  highest(key: string): number {
    return this.fences.get(key) ?? 0
  }

  /** Somebody has the lease of a key. */
  enter(key: string, owner: string, fence: number): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const other = this.inside.get(key)
      yield* Check.always(
        "LK-1",
        other === undefined,
        () => `${owner} has "${key}" under fence ${fence}, and ${other?.owner} under ${other?.fence}`
      )
      yield* Check.always(
        "LK-2",
        fence > this.highest(key),
        () => `fence ${fence} of "${key}" came after ${this.highest(key)}`
      )
      this.inside.set(key, { owner, fence })
      this.fences.set(key, fence)
    })
  }

  leave(key: string, fence: number): void {
    if (this.inside.get(key)?.fence === fence) this.inside.delete(key)
  }

  isInside(key: string): boolean {
    return this.inside.has(key)
  }

  /** Whoever was inside is not any more. */
  died(owner: string): void {
    for (const [key, inside] of this.inside) if (inside.owner === owner) this.inside.delete(key)
  }
}
