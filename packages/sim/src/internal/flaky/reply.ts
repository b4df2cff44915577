/** What the caller of a server gets to see, and when. */
import { Effect, Exit, type Fiber } from "effect"
import type { Behaviour, Call, Script } from "../../FlakyServer.ts"
import { CurrentHost } from "../host.ts"
import { type Entry, type Ledger, toNanos } from "./ledger.ts"
import { behavioursOf } from "./script.ts"
import { nowNanos, wait } from "./time.ts"

/** How a server fails. */
export interface Errors<E> {
  readonly refused: () => E
  readonly failed: (status: number) => E
}

/** A call in progress. */
interface Exchange<Req, A, E> {
  readonly server: string
  readonly ledger: Ledger<Req, A>
  readonly entry: Entry<Req, A>
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly errors: Errors<E>
}

const faults = {
  Answer: undefined,
  Hang: "hang",
  Refuse: "refuse",
  Error: "error",
  LoseReply: "lostReply",
  Die: "die",
  Uninterruptible: "uninterruptible"
} as const satisfies Record<Behaviour["_tag"], string | undefined>

type Fault = NonNullable<(typeof faults)[Behaviour["_tag"]]>

/** The kinds of faults that a script plans, as a run counts them. */
export const plannedFaults = (script: Script): ReadonlyArray<string> =>
  behavioursOf(script).flatMap(({ _tag }) => (faults[_tag] === undefined ? [] : [`server.${faults[_tag]}`]))

type Outcome = NonNullable<Call<unknown>["outcome"]>

/** Without a simulation there is nobody to tell. */
const bite = <Req, A, E>({ entry, fiber, server }: Exchange<Req, A, E>, fault: Fault, does: string): void =>
  fiber
    .getRef(CurrentHost)
    ?.driver.tookEffect(`server.${fault}`, `${server} ${does} (call ${entry.index + 1})`)

const note = <Req, A, E>({ entry, fiber, server }: Exchange<Req, A, E>, does: string): void =>
  fiber.getRef(CurrentHost)?.driver.emit("note", `${server} ${does} (call ${entry.index + 1})`)

/** Says so if the caller was interrupted and kept all the same. */
const noteKept = <Req, A, E>(exchange: Exchange<Req, A, E>): Effect.Effect<void> =>
  Effect.map(Effect.exit(Effect.interruptible(Effect.void)), (exit) => {
    if (Exit.isFailure(exit)) bite(exchange, "uninterruptible", "was not to be interrupted")
  })

/** The latency is over. */
const finish = <Req, A, E>(
  exchange: Exchange<Req, A, E>,
  behaviour: Exclude<Behaviour, { readonly _tag: "Hang" }>
): Effect.Effect<A, E> => {
  const { entry, errors, fiber, ledger, server } = exchange
  // A timer of the operating system may fire a little early.
  ledger.settle(Math.max(nowNanos(fiber), entry.startNanos + toNanos(behaviour.latencyMillis)))
  const end = (outcome: Outcome): void => {
    entry.outcome = outcome
  }
  switch (behaviour._tag) {
    case "Answer":
    case "Uninterruptible":
      note(exchange, "answers")
      end(entry.reply?._tag === "Failure" ? "Died" : "Answered")
      return entry.reply ?? Effect.die(new Error(`${server} has no reply to call ${entry.index + 1}`))
    case "LoseReply":
      bite(exchange, "lostReply", "loses its reply")
      return Effect.never
    case "Refuse":
      bite(exchange, "refuse", "refuses")
      end("Refused")
      return Effect.fail(errors.refused())
    case "Error":
      bite(exchange, "error", `answers with status ${behaviour.status}`)
      end("Failed")
      return Effect.fail(errors.failed(behaviour.status))
    case "Die":
      bite(exchange, "die", "makes its caller die")
      end("Died")
      return Effect.die(new Error(`${server} makes its caller die, as its script says`))
  }
}

/** A call from its begin to its end. */
export const reply = <Req, A, E>(exchange: Exchange<Req, A, E>): Effect.Effect<A, E> => {
  const { behaviour } = exchange.entry
  if (behaviour._tag === "Hang") {
    bite(exchange, "hang", "hangs")
    return Effect.never
  }
  const waiting = wait(toNanos(behaviour.latencyMillis))
  const finished = Effect.suspend(() => finish(exchange, behaviour))
  return behaviour._tag === "Uninterruptible"
    ? Effect.uninterruptible(waiting.pipe(Effect.andThen(noteKept(exchange)), Effect.andThen(finished)))
    : Effect.andThen(waiting, finished)
}
