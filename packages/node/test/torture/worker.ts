/** A process that changes the ledger, and takes leases of it, until it is told to pause, or dies. */
import { Lock, type LockedState } from "@holdfast/core"
import { Cause, Effect, Latch, Random } from "effect"
import { nowMillis } from "../utils/children.ts"
import { listen, tell } from "../utils/lifeline.ts"
import { tagOf } from "./history.ts"
import { countOne, key, type Ledger, ledger } from "./ledger.ts"
import type { Heard, Task, Told } from "./messages.ts"
import { type Point, Points } from "./points.ts"
import { storeOf } from "./stores.ts"

const say = (told: Told): void => tell(told)

const fail = (cause: Cause.Cause<unknown>): void =>
  say({ tag: "failed", at: nowMillis(), error: tagOf(cause), text: Cause.pretty(cause) })

const upTo = (millis: number) => Effect.flatMap(Random.nextBetween(0, millis), Effect.sleep)

class Worker {
  readonly points = new Points()
  private readonly name: string
  private readonly isRunning = Latch.makeUnsafe(false)

  constructor(name: string) {
    this.name = name
  }

  hear(heard: Heard): void {
    if (heard.tag === "pause") {
      this.isRunning.closeUnsafe()
      return
    }
    this.points.arm(heard.death)
    this.isRunning.openUnsafe()
  }

  run(state: LockedState.LockedState<Ledger>): Effect.Effect<never, never, Lock.Lock> {
    const operations = [this.modify(state), this.lease, this.modifyEffect(state)] as const
    const one = Effect.catchCause(Effect.flatten(Random.choice(operations)), (cause) =>
      Effect.sync(() => fail(cause))
    )
    const pause = Effect.suspend(() => {
      if (Latch.isOpen(this.isRunning)) return Effect.void
      say({ tag: "paused" })
      return this.isRunning.await
    })
    return Effect.forever(Effect.andThen(Effect.andThen(pause, one), upTo(2)))
  }

  private modify(state: LockedState.LockedState<Ledger>) {
    const change = state.update((value) => {
      this.points.reach("in a decision")
      return countOne(this.name)(value)
    })
    return Effect.map(change, () => this.acknowledge())
  }

  private modifyEffect(state: LockedState.LockedState<Ledger>) {
    const change = state.modifyEffect((value, fence) =>
      Effect.as(this.hold(fence, "in the effect of a modifyEffect"), [
        undefined,
        countOne(this.name)(value)
      ] as const)
    )
    return Effect.map(change, () => this.acknowledge())
  }

  private get lease() {
    return Lock.withLease(key, ({ fence }) => this.hold(fence, "with a lease"))
  }

  private hold(fence: number, point: Point): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      say({ tag: "held", fence, at: nowMillis() })
      this.points.reach(point)
      yield* upTo(2)
      say({ tag: "freed", fence, at: nowMillis() })
    })
  }

  private acknowledge(): void {
    this.points.reach("before the acknowledgement")
    say({ tag: "changed", at: nowMillis() })
  }
}

const { directory, name, store }: Task = JSON.parse(process.argv[2] ?? "{}")
const worker = new Worker(name)
listen<Heard>((heard) => worker.hear(heard))
const work = Effect.flatMap(ledger, (state) => worker.run(state))
await Effect.runPromise(Effect.provide(work, storeOf(store).layer(directory, worker.points)))
