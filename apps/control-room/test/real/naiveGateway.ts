/** The gateway with the naive client in its place. */
import { runMain } from "@holdfast/terminal/runMain"
import { Effect, Stream } from "effect"
import { controlRoom } from "../../src/cli.ts"
import type { failoverRoute } from "../../src/gateway/failoverRoute.ts"
import { naiveRoute } from "../../src/gateway/naive.ts"
import { blackHole } from "../../src/gateway/scenarios/blackHole.ts"
import { slow } from "../../src/gateway/scenarios/slow.ts"
import { gateway } from "../../src/gateway/system.ts"

const naive: typeof failoverRoute = (clients) =>
  Effect.succeed({ route: naiveRoute(clients), changes: Stream.empty })

runMain(controlRoom([gateway([slow, blackHole], naive)]))
