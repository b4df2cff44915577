/** Smaller workloads, from the arbitrary that drew them. */
import * as fc from "fast-check"

/**
 * The smaller workloads of a workload, those that differ most first.
 *
 * fast-check shrinks what it drew with what it remembers of the drawing, its context: without it nothing that went
 * through `map` or `chain` gets smaller. A program is given the bare value, so the context is looked up again here, for
 * `drawn` and for every workload that was offered since the last call. A workload from elsewhere, such as a token,
 * shrinks as far as fast-check can without. The limits are fast-check's: of what went through `chain`, the first part
 * gets smaller only until the second did.
 *
 * To shrink further what was shrunk already, go on with the same function: it still knows that workload.
 */
export const workloadShrinker = <W>(
  arbitrary: fc.Arbitrary<W>,
  drawn?: fc.Value<W>
): ((workload: W) => Iterable<W>) => {
  const offered = new Map<W, fc.Value<W>>()
  const valueOf = (workload: W): fc.Value<W> | undefined => {
    const known = offered.get(workload)
    if (known !== undefined) return known
    // Drawn once more from the same seed it is another object.
    if (drawn !== undefined && isAlike(drawn.value_, workload)) return drawn
    return arbitrary.canShrinkWithoutContext(workload) ? new fc.Value(workload, undefined) : undefined
  }
  return function* (workload) {
    const value = valueOf(workload)
    if (value === undefined) return
    // Only what comes from here is asked about next: what else was offered was turned down.
    offered.clear()
    offered.set(workload, value)
    for (const smaller of arbitrary.shrink(value.value_, value.context)) {
      const bare = smaller.value
      offered.set(bare, smaller)
      yield bare
    }
  }
}

const isAlike = (a: unknown, b: unknown): boolean => Object.is(a, b) || fc.stringify(a) === fc.stringify(b)
