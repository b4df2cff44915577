/**
 * Rounds in which workers share a ledger, and one of them is killed.
 *
 *   all work ──▶ the victim dies at its point ──▶ the others go on ──▶ all pause ──▶ a newcomer looks
 *
 * In every fourth round the others die with the victim, so that the newcomer opens a store that nobody has.
 */
import { readdirSync } from "node:fs"
import { Lock } from "@holdfast/core"
import { Cause, Effect, Exit, Random, type Scope } from "effect"
import { Child, type ChildEnded, nowMillis } from "../utils/children.ts"
import {
  checkCounts,
  checkHolds,
  checkValue,
  failure,
  type Hold,
  holdsOf,
  tagOf,
  type Violation,
  writerOf
} from "./history.ts"
import { forget, key, type Ledger, ledger } from "./ledger.ts"
import type { Heard, Told } from "./messages.ts"
import { type Point, Points } from "./points.ts"
import { type StoreName, storeOf } from "./stores.ts"

export interface Options {
  readonly store: StoreName
  readonly directory: string
  readonly survivors: number
  /** A dead process has its lock no longer than this. */
  readonly limitMillis: number
}

/** Killed from outside, at a moment that nobody has chosen. */
export const anyMoment = "at any moment"

export type Where = Point | typeof anyMoment

export interface Round {
  readonly where: Where
  readonly violations: ReadonlyArray<Violation>
  /** From the death of the victim until somebody else had what it may have held. */
  readonly takeoverMillis: number | undefined
}

interface Worker {
  readonly name: string
  readonly child: Child<Told, Heard>
  /** How much it had told before this round. */
  mark: number
}

/** Longer than anything takes on a machine that is busy, and a limit for what hangs. */
const patience = "30 seconds"

const workerModule = new URL("worker.ts", import.meta.url)
const temporaryFile = /\.tmp$/

const thisRound = ({ child, mark }: Worker): ReadonlyArray<Told> => child.told.slice(mark)

const hasPaused = (worker: Worker): Effect.Effect<unknown, ChildEnded> =>
  worker.child.until(() => (thisRound(worker).some(({ tag }) => tag === "paused") ? true : undefined))

/** Also a failure is one, as then there is nothing to wait for. */
const isProgress = (line: Told): line is Extract<Told, { readonly tag: "changed" | "held" | "failed" }> =>
  line.tag === "changed" || line.tag === "held" || line.tag === "failed"

/** When it first got somewhere after this moment. */
const firstAfter = (worker: Worker, millis: number): number | undefined =>
  thisRound(worker)
    .flatMap((line) => (isProgress(line) ? [line.at] : []))
    .find((at) => at > millis)

export class Rounds {
  private readonly options: Options
  private readonly gone = new Set<string>()
  private survivors: ReadonlyArray<Worker> = []
  private started = 0
  private rounds = 0
  private lastFence = 0

  constructor(options: Options) {
    this.options = options
  }

  get points(): ReadonlyArray<Where> {
    return [...storeOf(this.options.store).points, anyMoment]
  }

  /** One round. After one with violations there is no other. */
  run(where: Where): Effect.Effect<Round, ChildEnded, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const isLonely = ++this.rounds % 4 === 0
      const victim = yield* this.gather
      const workers = [...this.survivors, victim]
      for (const worker of workers) worker.mark = worker.child.told.length
      for (const { child } of this.survivors) child.tell({ tag: "go" })
      const death = yield* this.death(victim, where)
      yield* isLonely
        ? Effect.forEach(this.survivors, ({ child }) => child.kill, { concurrency: "unbounded" })
        : this.goOn(death)
      const endMillis = isLonely ? nowMillis() : death
      const dead = isLonely ? workers : [victim]
      for (const { name } of dead) this.gone.add(name)
      const holds = workers.flatMap((worker) =>
        holdsOf(worker.name, thisRound(worker), worker === victim ? death : endMillis)
      )
      const violations = yield* this.inspect(workers, dead, holds)
      const times = this.survivors.flatMap((worker) => firstAfter(worker, death) ?? [])
      const takeoverMillis = isLonely ? undefined : Math.min(...times) - death
      if (isLonely) this.survivors = []
      return { where, violations: [...violations, ...this.late(takeoverMillis)], takeoverMillis }
    }).pipe(
      Effect.timeoutOrElse({
        duration: patience,
        orElse: () =>
          Effect.succeed<Round>({
            where,
            violations: [{ kind: "stuck", text: `nothing happened for ${patience}` }],
            takeoverMillis: undefined
          })
      })
    )
  }

  /** A new victim, and as many survivors as there shall be. */
  private get gather(): Effect.Effect<Worker, ChildEnded, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const missing = this.options.survivors - this.survivors.length
      const roles = ["victim", ...new Array<string>(missing).fill("survivor")]
      const [victim, ...survivors] = yield* Effect.forEach(roles, (role) => this.start(role), {
        concurrency: "unbounded"
      })
      this.survivors = [...this.survivors, ...survivors]
      return victim ?? (yield* Effect.die(new Error("there is no victim")))
    })
  }

  private start(role: string): Effect.Effect<Worker, ChildEnded, Scope.Scope> {
    const { directory, store } = this.options
    return Effect.gen({ self: this }, function* () {
      const name = `${role} ${++this.started}`
      const child = yield* Child.start<Told, Heard>({
        module: workerModule,
        task: { store, directory, name }
      })
      const worker = { name, child, mark: 0 }
      yield* hasPaused(worker)
      return worker
    })
  }

  /** Lets it work until it dies, and says when. */
  private death({ child }: Worker, where: Where): Effect.Effect<number, ChildEnded> {
    return Effect.gen(function* () {
      if (where !== anyMoment) {
        const nth = yield* Random.nextIntBetween(1, 5)
        child.tell({ tag: "go", death: { point: where, nth, pauseMillis: yield* Random.nextBetween(0, 20) } })
        const at = yield* child.until((told) =>
          told.flatMap((line) => (line.tag === "dying" ? [line.at] : [])).at(0)
        )
        yield* child.ended
        return at
      }
      child.tell({ tag: "go" })
      yield* child.until((told) => told.find(({ tag }) => tag === "changed" || tag === "held"))
      yield* Effect.flatMap(Random.nextBetween(0, 100), Effect.sleep)
      const at = nowMillis()
      yield* child.kill
      return at
    })
  }

  /** Each of the others gets somewhere, and then pauses. */
  private goOn(death: number): Effect.Effect<unknown, ChildEnded> {
    return Effect.forEach(
      this.survivors,
      (worker) => {
        const pause = Effect.sync(() => worker.child.tell({ tag: "pause" }))
        return Effect.andThen(
          worker.child.until(() => firstAfter(worker, death)),
          Effect.andThen(pause, hasPaused(worker))
        )
      },
      { concurrency: "unbounded" }
    )
  }

  /** Somebody who comes when nobody works finds all as it must be. */
  private inspect(
    workers: ReadonlyArray<Worker>,
    dead: ReadonlyArray<Worker>,
    holds: ReadonlyArray<Hold>
  ): Effect.Effect<ReadonlyArray<Violation>> {
    const { directory, store } = this.options
    const failed = workers.flatMap((worker) =>
      thisRound(worker).flatMap(
        (line): ReadonlyArray<Violation> =>
          line.tag === "failed" ? [failure(worker.name, line.error, line.text)] : []
      )
    )
    const look = Effect.map(this.look, ({ fence, left, value, version }) => {
      const writers = workers.map((worker) => writerOf(worker.name, worker.child.told, dead.includes(worker)))
      const mine: Hold = { name: "newcomer", fence, fromMillis: nowMillis(), toMillis: nowMillis() }
      const found = checkHolds([...holds, mine], this.lastFence)
      this.lastFence = fence
      return [...checkValue(value, version), ...checkCounts(value, writers), ...found, ...left]
    })
    return look.pipe(
      Effect.provide(storeOf(store).layer(directory, new Points())),
      Effect.exit,
      Effect.map((exit) => [
        ...failed,
        ...(Exit.isSuccess(exit)
          ? exit.value
          : [failure("newcomer", tagOf(exit.cause), Cause.pretty(exit.cause))])
      ])
    )
  }

  /** What is there, with one try for the lock. What is known of the dead is forgotten then. */
  private get look() {
    const { directory } = this.options
    return Effect.gen({ self: this }, function* () {
      const files = readdirSync(directory, { recursive: true, encoding: "utf8" })
      const left = files
        .filter((file) => temporaryFile.test(file))
        .map((file): Violation => ({ kind: "left", text: `${file} is still there` }))
      const state = yield* ledger
      const fence = yield* Lock.withLease(key, (lease) => Effect.succeed(lease.fence), { wait: 0 })
      const { value, version } = yield* state.snapshot
      yield* state.update(
        forget((name) => this.gone.has(name)),
        { wait: 0 }
      )
      return { fence, left, value, version } satisfies { value: Ledger } & Record<string, unknown>
    })
  }

  private late(takeoverMillis: number | undefined): ReadonlyArray<Violation> {
    return takeoverMillis === undefined || takeoverMillis <= this.options.limitMillis
      ? []
      : [{ kind: "late", text: `the next one had the lock after ${takeoverMillis.toFixed(1)} ms` }]
  }
}
