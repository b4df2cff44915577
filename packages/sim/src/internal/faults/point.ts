/** The other side of a named point in the code under test, which knows this package only by a key. */
import { Context, type Effect } from "effect"

/**
 * What `Fault.point` of @holdfast/core looks for. Production code does not depend on the simulator, so the key is the
 * contract between the two.
 */
export const FaultPoints = Context.Reference<((name: string) => Effect.Effect<void>) | undefined>(
  "@holdfast/core/Fault/Points",
  { defaultValue: () => undefined }
)
