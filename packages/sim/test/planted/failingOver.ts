/** What becomes of calls and of a route when one of several endpoints dies, and comes back. */
import { Clock, Effect, Fiber, Ref } from "effect"
import * as Check from "../../src/Check.ts"
import { millisUpTo, type Planted, together } from "./Planted.ts"

// --- Two monitors ---------------------------------------------------------------------------------------------

/** A monitor that is stopped and started again, while one of its probes takes long. */
const restarted = (isStopped: (own: number, current: number | undefined) => boolean) =>
  Effect.gen(function* () {
    let current: number | undefined
    const late: Array<number> = []
    const monitor = (own: number) =>
      Effect.gen(function* () {
        while (!isStopped(own, current)) {
          if (current !== own) late.push(own)
          yield* Effect.sleep((yield* millisUpTo(9)) + 1)
        }
      })
    const start = (own: number) =>
      Effect.suspend(() => {
        current = own
        return Effect.forkChild(monitor(own))
      })
    yield* start(1)
    yield* Effect.sleep((yield* millisUpTo(9)) + 0.5)
    // The probe that is under way is not waited for: it has nothing to say any more.
    current = undefined
    yield* start(2)
    yield* Effect.sleep(50)
    current = undefined
    yield* Effect.sleep(20)
    yield* Check.always("who was stopped probes no more", late.length === 0, `it did ${late.length} times`)
  })

const twoMonitors: Planted = {
  name: "two monitors",
  bug: "a monitor looks whether any is to run, and not whether it is itself to run, when its probe has ended",
  interleaving: false,
  program: restarted((_, current) => current === undefined),
  correct: restarted((own, current) => current !== own)
}

// --- A probe of the past --------------------------------------------------------------------------------------

/** An endpoint that dies while a probe is under way, which it has answered already, and a call that finds it dead. */
const probed = (isNews: (startMillis: number, failedMillis: number) => boolean) =>
  Effect.gen(function* () {
    let failedMillis = -1
    let isHealthy = true
    const now = Clock.currentTimeMillis
    const probe = Effect.gen(function* () {
      const start = yield* now
      yield* Effect.sleep((yield* millisUpTo(20)) + 0.5)
      if (isNews(start, failedMillis)) isHealthy = true
    })
    const call = Effect.gen(function* () {
      yield* Effect.sleep((yield* millisUpTo(20)) + 1)
      failedMillis = yield* now
      isHealthy = false
    })
    yield* together(probe, call)
    yield* Check.always(
      "a dead endpoint is not healthy",
      !isHealthy,
      "what was sent before it died made it so"
    )
  })

const probeOfThePast: Planted = {
  name: "probe of the past",
  bug: "a probe that began before a call found the endpoint dead makes it healthy again",
  interleaving: false,
  program: probed(() => true),
  correct: probed((start, failed) => start > failed)
}

// --- Twice ----------------------------------------------------------------------------------------------------

/** A payment over two endpoints, each of which carries it out even when nobody waits any more. */
const paid = (goesOn: (ending: "refused" | "late") => boolean) =>
  Effect.gen(function* () {
    let payments = 0
    const submit = Effect.gen(function* () {
      const isUp = (yield* millisUpTo(3)) > 0
      if (!isUp) return "refused" as const
      const millis = yield* millisUpTo(20)
      yield* Effect.forkDetach(
        Effect.andThen(
          Effect.sleep(millis),
          Effect.sync(() => payments++)
        )
      )
      yield* Effect.sleep(Math.min(millis, 10))
      return millis > 10 ? ("late" as const) : undefined
    })
    let left = 2
    while (left > 0) {
      left--
      const ending = yield* submit
      if (ending === undefined || !goesOn(ending)) left = 0
    }
    yield* Effect.sleep(50)
    yield* Check.always("a payment is made once at most", payments <= 1, `it was made ${payments} times`)
  })

const paidTwice: Planted = {
  name: "paid twice",
  bug: "what has run out of its time is taken for undone, and goes on at the next endpoint",
  interleaving: false,
  program: paid(() => true),
  correct: paid((ending) => ending === "refused")
}

// --- A decision of the past -----------------------------------------------------------------------------------

interface Pool {
  readonly dead: ReadonlyArray<string>
  readonly route: string
}

const endpoints = ["a", "b", "c"]

const died = ({ dead, route }: Pool, endpoint: string): Pool => {
  const now = [...dead, endpoint]
  const next = endpoints.find((one) => !now.includes(one)) ?? route
  return { dead: now, route: route === endpoint ? next : route }
}

/** Two endpoints are found dead at once. */
const found = (report: (pool: Ref.Ref<Pool>, endpoint: string) => Effect.Effect<void>) =>
  Effect.gen(function* () {
    const pool = yield* Ref.make<Pool>({ dead: [], route: "a" })
    yield* together(report(pool, "a"), report(pool, "b"))
    const { dead, route } = yield* Ref.get(pool)
    yield* Check.always("the route is alive", !dead.includes(route), `it is ${route}, and ${dead} are dead`)
  })

const decisionOfThePast: Planted = {
  name: "decision of the past",
  bug: "the next route is chosen, and then written, but not in one step with what is known of the endpoints",
  interleaving: true,
  program: found((pool, endpoint) =>
    Effect.gen(function* () {
      yield* Ref.update(pool, ({ dead, route }) => ({ dead: [...dead, endpoint], route }))
      const { dead, route } = yield* Ref.get(pool)
      if (route !== endpoint) return
      const next = endpoints.find((one) => !dead.includes(one)) ?? route
      yield* Ref.update(pool, (now) => ({ ...now, route: next }))
    })
  ),
  correct: found((pool, endpoint) => Ref.update(pool, (now) => died(now, endpoint)))
}

// --- Out for ever ---------------------------------------------------------------------------------------------

/** An endpoint that is down when everybody is asked first, and comes up soon. */
const asked = (isAsked: (isOut: boolean) => boolean) =>
  Effect.gen(function* () {
    const upMillis = yield* millisUpTo(30)
    let isOut = false
    const rounds = Effect.gen(function* () {
      for (;;) {
        if (isAsked(isOut)) isOut = (yield* Clock.currentTimeMillis) < upMillis
        yield* Effect.sleep(5)
      }
    })
    const asking = yield* Effect.forkChild(rounds)
    yield* Effect.sleep(50)
    yield* Fiber.interrupt(asking)
    yield* Check.always("what is up is used", !isOut, `it is up since ${upMillis} ms, and nobody asks it`)
  })

const outForEver: Planted = {
  name: "out for ever",
  bug: "an endpoint that did not answer is not asked any more",
  interleaving: false,
  program: asked((isOut) => !isOut),
  correct: asked(() => true)
}

export const failingOver: ReadonlyArray<Planted> = [
  twoMonitors,
  probeOfThePast,
  paidTwice,
  decisionOfThePast,
  outForEver
]
