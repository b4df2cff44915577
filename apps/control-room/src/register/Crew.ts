/** The writers of a scenario, at their desks: whoever is killed is followed by another one. */
import { Effect, Fiber, Random } from "effect"
import { at } from "../at.ts"
import type { Tone } from "../live/Board.ts"
import { type Death, isAtStart, isHolding } from "./deaths.ts"
import type { Life } from "./history.ts"
import { Numbers } from "./Numbers.ts"
import { isTold, type Process, type ProcessGone, start } from "./Process.ts"
import type { Stage } from "./Scenario.ts"
import type { Plan, Point, StartPoint, StoreName, Told } from "./writer/Wire.ts"

type Line = (desk: number, tone: Tone, note: string) => Effect.Effect<void>

export class Crew {
  /** All that ever lived. */
  readonly processes: Array<Process> = []
  /** Who is at a desk, or on the way to it. */
  private readonly desks: Array<Fiber.Fiber<Process, ProcessGone>> = []
  private readonly stage: Stage
  private readonly store: StoreName
  private readonly line: Line
  private lifeCount = 0

  constructor(stage: Stage, store: StoreName, line: Line) {
    this.stage = stage
    this.store = store
    this.line = line
  }

  get lives(): ReadonlyArray<Life> {
    return this.processes.map(({ killedMillis, name, told }) => ({
      name,
      told: told.items,
      killedMillis: killedMillis()
    }))
  }

  /** All are owners, and work. */
  begin(count: number) {
    return Effect.gen({ self: this }, function* () {
      for (let desk = 0; desk < count; desk++) yield* this.seat(desk)
      yield* Effect.forEach(this.desks, (coming) => Fiber.join(coming))
    })
  }

  /**
   * Kills the writer at a desk; another one is on its way to follow it. The result is how many seconds later somebody
   * else had what it died with.
   */
  kill(desk: number, death: Death) {
    return Effect.gen({ self: this }, function* () {
      if (isAtStart(death)) return yield* this.killAtStart(desk, death)
      const victim = yield* Fiber.join(at(this.desks, desk))
      const killedMillis = yield* this.strike(victim, death)
      yield* this.line(desk, "bad", `killed ${death}`)
      yield* this.seat(desk)
      if (!isHolding(death)) return undefined
      const key = death === "with a key" ? victim.told.items.findLast(isTold("won"))?.key : undefined
      return ((yield* this.next(killedMillis, key)).at - killedMillis) / 1000
    })
  }

  /** All work on for a while, and end as they should. */
  get end() {
    return Effect.gen({ self: this }, function* () {
      const last = yield* Effect.forEach(this.desks, (coming) => Fiber.join(coming))
      const each = Math.ceil(Numbers.changes / last.length)
      yield* Effect.forEach(last, (process) => this.changes(process, each))
      yield* Effect.forEach(last, ({ tell }) => tell({ tag: "end" }))
      yield* Effect.forEach(last, ({ first }) => first(isTold("done")))
      yield* Effect.forEach(last, ({ ended }) => ended)
      for (const [desk, { told }] of last.entries()) {
        yield* this.line(
          desk,
          "good",
          `${told.items.filter(isTold("wrote")).length} changes in its last life`
        )
      }
    })
  }

  /** Waits until a life has made so many changes, or has ended without. */
  private changes({ ended, told }: Process, count: number): Effect.Effect<unknown> {
    const enough = told.until((all) => (all.filter(isTold("wrote")).length >= count ? true : undefined))
    return Effect.raceFirst(enough, ended)
  }

  /** Sends somebody to a desk, who begins as soon as he is there. */
  private seat(desk: number) {
    const come = Effect.gen({ self: this }, function* () {
      const process = yield* this.start(desk)
      yield* process.tell({ tag: "go" })
      yield* process.first(isTold("wrote"))
      return process
    })
    return Effect.map(Effect.forkScoped(come), (coming) => {
      this.desks[desk] = coming
    })
  }

  private start(desk: number, stopAt?: Plan["stopAt"]) {
    const { cache, directory, writer } = this.stage
    const plan: Plan = {
      store: this.store,
      directory,
      name: `writer ${desk + 1}, life ${++this.lifeCount}`,
      job: "work",
      stopAt
    }
    return Effect.tap(start({ entryPoint: writer, plan, cache }), (process) => {
      this.processes.push(process)
      const owner = process.told.items.find(isTold("ready"))
      return owner === undefined
        ? Effect.void
        : this.line(
            desk,
            "in flight",
            `process ${process.pid}, owner ${owner.slot} with fence ${owner.fence}`
          )
    })
  }

  /**
   * Somebody who is about to become an owner dies; the one at the desk works on. All the others have their slots by then,
   * so his is one that nobody takes after him.
   */
  private killAtStart(desk: number, death: StartPoint) {
    return Effect.gen({ self: this }, function* () {
      yield* Effect.forEach(this.desks, (coming) => Fiber.join(coming))
      const victim = yield* this.start(desk, death)
      yield* victim.first(isTold("stopped"))
      yield* victim.kill
      yield* this.line(desk, "bad", `one who was to come was killed ${death}`)
      yield* this.line(desk, "in flight", "works on, beside one who was killed before he was an owner")
      return undefined
    })
  }

  private strike(victim: Process, death: Exclude<Point, StartPoint> | "at random") {
    if (death === "at random") {
      return Effect.andThen(
        Effect.flatMap(Random.nextBetween(0, Numbers.randomKillMillis), Effect.sleep),
        victim.kill
      )
    }
    return victim
      .tell({ tag: "stop at", point: death })
      .pipe(Effect.andThen(victim.first(isTold("stopped"))), Effect.andThen(victim.kill))
  }

  /** The first that anybody was told after that moment, also who is still to come: of that key, or of the ledger. */
  private next(killedMillis: number, key: string | undefined): Effect.Effect<Told, ProcessGone> {
    const isNext = (told: Told): boolean =>
      told.at > killedMillis &&
      (key === undefined ? told.tag === "wrote" : told.tag === "won" && told.key === key)
    const told = (coming: Fiber.Fiber<Process, ProcessGone>) =>
      Effect.flatMap(Fiber.join(coming), (process) => process.told.first(isNext))
    return Effect.raceAllFirst(this.desks.map(told))
  }
}
