import type { Bench } from "../Bench.ts"
import { call } from "./call.ts"
import { deadline } from "./deadline.ts"
import { failover } from "./failover.ts"
import { fanout } from "./fanout.ts"
import { reconnect } from "./reconnect.ts"
import { simulator } from "./simulator.ts"
import { state } from "./state.ts"

export const benches: ReadonlyArray<Bench> = [deadline, call, fanout, reconnect, failover, state, simulator]
