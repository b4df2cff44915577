import { failingOver } from "./failingOver.ts"
import { interruption } from "./interruption.ts"
import { machines } from "./machines.ts"
import type { Planted } from "./Planted.ts"
import { reconnecting } from "./reconnecting.ts"
import { servers } from "./servers.ts"
import { sharedState } from "./sharedState.ts"
import { waiting } from "./waiting.ts"

export type { Planted }

export const planted: ReadonlyArray<Planted> = [
  ...sharedState,
  ...waiting,
  ...interruption,
  ...servers,
  ...machines,
  ...reconnecting,
  ...failingOver
]
