/** The gateway with a client that takes for undone what may have been done. */
import { runMain } from "@holdfast/terminal/runMain"
import { Effect } from "effect"
import { controlRoom } from "../../src/cli.ts"
import { failoverRoute } from "../../src/gateway/failoverRoute.ts"
import { NoneAnswered } from "../../src/gateway/Route.ts"
import { blackHole } from "../../src/gateway/scenarios/blackHole.ts"
import { gateway } from "../../src/gateway/system.ts"

const forgetful: typeof failoverRoute = (clients, settings) =>
  Effect.map(failoverRoute(clients, settings), ({ changes, route }) => ({
    changes,
    route: {
      ...route,
      send: (transaction) =>
        Effect.catchTag(route.send(transaction), "OutcomeUnknown", ({ cause }) =>
          Effect.fail(new NoneAnswered({ causes: [cause], mayHaveArrived: false }))
        )
    }
  }))

runMain(controlRoom([gateway([blackHole], forgetful)]))
