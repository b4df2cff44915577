/** What a pool can ask the provider for. */
import { Schema } from "effect"
import { Rpc, RpcGroup } from "effect/rpc"

export const PoolTemplate = Schema.Struct({ id: Schema.Int, height: Schema.Int })
export type PoolTemplate = typeof PoolTemplate.Type

/** The template was dropped, or never was. */
export class UnknownTemplate extends Schema.TaggedError<UnknownTemplate>(
  "control-room/relay/UnknownTemplate"
)("UnknownTemplate", { id: Schema.Int }) {
  override get message(): string {
    return `unknown template ${this.id}`
  }
}

export class PoolCalls extends RpcGroup.make(
  /** Every template as it comes, as long as the pool stays. */
  Rpc.make("Templates", { success: PoolTemplate, stream: true }),
  Rpc.make("Template", { payload: { id: Schema.Int }, success: PoolTemplate, error: UnknownTemplate })
) {}
