/**
 * The loop that runs a program: one ready task after another, and when none is ready, on to the next timer.
 *
 * Effect asks its scheduler where tasks go and before every operation whether to yield, and asks its clock to sleep.
 * With both in one hand a run is a synchronous call in which the driver decides everything that is left open.
 */
import { Context, type Effect } from "effect"
import type * as Choices from "../Choices.ts"
import type * as Trace from "../Trace.ts"
import { Fibers } from "./fibers.ts"
import { RollingHash } from "./hash.ts"
import { type Due, Heap } from "./heap.ts"
import { HostState } from "./host.ts"
import { arrival, type Entry, Ready, type Task } from "./ready.ts"
import type { Recorder, Source } from "./source.ts"
import type { Steering } from "./steering.ts"

export interface Limits {
  readonly maxSteps: number
  readonly maxStepsPerInstant: number
  readonly maxNanos: number
}

export interface Timer extends Due, Entry {}

/** Why a run cannot go on. */
export type Stuck = "Deadlock" | "Livelock" | "StepLimit" | "TimeLimit" | "Threw"

/** What a run's creator decides. */
export interface Setup {
  readonly steering: Steering
  readonly source: Source
  readonly recorder: Recorder
  readonly realistic: boolean
  readonly limits: Limits
  /** Gets every event; nothing is formatted when it is left out. */
  readonly onEvent: ((event: Trace.Event) => void) | undefined
  readonly withLive: <A, E, R>(effect: Effect.Effect<A, E, R>) => Effect.Effect<A, E, R>
}

/** What `World` is to a driver. */
export interface Services {
  contextOf(host: HostState): Context.Context<never>
}

export class Driver {
  /** The host of the program itself. */
  readonly main: HostState
  /** No host at all: where faults come from. Its tasks end with the run, and are nobody's leak. */
  get world(): HostState {
    this.worldState ??= new HostState(this, "world", 0)
    return this.worldState
  }

  private worldState: HostState | undefined = undefined
  readonly recorder: Recorder
  readonly hash = new RollingHash()
  readonly source: Source
  readonly fibers: Fibers
  readonly withLive: Setup["withLive"]

  nowNanos = 0
  steps = 0
  /** Whose task is running; `undefined` between tasks. */
  current: HostState | undefined = undefined
  /** Gives hosts their services. */
  services: Services | undefined = undefined
  /** What happens at the named points of the code under test. */
  atPoint: ((name: string) => Effect.Effect<void>) | undefined = undefined
  /** A task arrived while nothing drove the run: how an asynchronous driver learns of it. */
  onPost: (() => void) | undefined = undefined

  /** How many spans were begun. */
  spans = 0
  /** How much goes on in real time, for which virtual time waits: what an asynchronous driver counts. */
  live = 0

  private readonly steering: Steering
  readonly realistic: boolean
  private readonly limits: Limits
  private readonly onEvent: Setup["onEvent"]
  private readonly ready = new Ready()
  private readonly timers = new Heap<Timer>()
  private readonly idleWaits = new Heap<Timer>()
  private order = 0
  private stepsAtInstant = 0
  private ended = false

  /** The kinds of faults that this run is meant to have. */
  readonly planned = new Set<string>()
  /** How often each kind of fault did something. */
  readonly faults = new Map<string, number>()
  /** What `Check.sometimes` and `Check.reachable` saw: whether it ever held. */
  readonly reached = new Map<string, boolean>()
  /** The guarantees that an oracle of `Check` has looked at. */
  readonly checked = new Set<string>()
  readonly warnings = new Set<string>()
  /** Whether somebody waits for the end of a run, and learns what broke it; a layer only lends its services. */
  isRun = true
  /** What a task threw, outside of any fiber. */
  thrown: unknown = undefined
  /** The first promise that did not hold. */
  violation: { readonly guarantee: string; readonly problem: string } | undefined = undefined

  constructor(setup: Setup) {
    this.steering = setup.steering
    this.recorder = setup.recorder
    this.source = setup.source
    this.realistic = setup.realistic
    this.limits = setup.limits
    this.onEvent = setup.onEvent
    this.withLive = setup.withLive
    this.main = new HostState(this, "main", 0)
    this.fibers = new Fibers(this, setup.steering)
  }

  // --------------------------------------------------------------------------
  // The loop
  // --------------------------------------------------------------------------

  /** Runs what is ready, at one instant after another, until `isDone`; says why when it cannot go on. */
  drive(isDone: () => boolean): Stuck | undefined {
    while (!isDone() && this.violation === undefined) {
      const stuck = this.isReady ? this.step() : this.advance()
      if (stuck !== undefined) return stuck
    }
    return undefined
  }

  /** Runs all that is ready now, without moving on in time. */
  settle(): Stuck | undefined {
    while (this.isReady && this.violation === undefined) {
      const stuck = this.step()
      if (stuck !== undefined) return stuck
    }
    return undefined
  }

  get isReady(): boolean {
    return this.ready.size > 0
  }

  step(): Stuck | undefined {
    const entry = this.ready.takeDue() ?? this.ready.take(this.pick())
    return entry === undefined ? undefined : this.run(entry)
  }

  /** Moves on to the next instant at which something happens. */
  advance(): Stuck | undefined {
    const timer = this.timers.peek()
    const wait = this.idleWaits.peek()
    if (wait !== undefined && (timer === undefined || wait.atNanos < timer.atNanos)) {
      this.idleWaits.pop()
      return this.moveTo(wait.atNanos) ?? this.run(wait)
    }
    if (timer === undefined) return "Deadlock"
    const late = this.moveTo(timer.atNanos)
    if (late !== undefined) return late
    this.timers.pop()
    let next = this.timers.peek()
    if (next === undefined || next.atNanos > timer.atNanos) return this.run(timer)
    this.pushTimer(timer)
    while (next !== undefined && next.atNanos === timer.atNanos) {
      this.timers.pop()
      this.pushTimer(next)
      next = this.timers.peek()
    }
    return undefined
  }

  private moveTo(atNanos: number): Stuck | undefined {
    if (atNanos > this.limits.maxNanos) return "TimeLimit"
    if (atNanos > this.nowNanos) {
      this.nowNanos = atNanos
      this.stepsAtInstant = 0
    }
    return undefined
  }

  private run({ host, task }: Entry): Stuck | undefined {
    if (host.status !== "up") {
      if (host.status === "paused") host.hold(task)
      return undefined
    }
    this.hash.mixLarge(this.nowNanos)
    this.current = host
    try {
      this.slice(task)
    } catch (error) {
      this.thrown = error
      return "Threw"
    } finally {
      this.current = undefined
    }
    this.weigh(1)
    if (this.stepsAtInstant > this.limits.maxStepsPerInstant) return "Livelock"
    return this.steps > this.limits.maxSteps ? "StepLimit" : undefined
  }

  /** What runs without a look at the queue in between. */
  slice(task: Task): void {
    this.fibers.beginSlice()
    task()
  }

  weigh(steps: number): void {
    this.steps += steps
    this.stepsAtInstant += steps
  }

  private pick(): number {
    const { ready, steering } = this
    const n = ready.choices
    if (n < 2) return 0
    if (this.realistic) return this.pickStock()
    const index = steering.pick(n, ready)
    this.recorder.pick.push(index)
    return index
  }

  private pickStock(): number {
    const places = this.ready.stock()
    if (places.length < 2) return 0
    const index = Math.min(this.steering.pick(places.length, this.ready), places.length - 1)
    this.recorder.pick.push(index)
    return places[index] ?? 0
  }

  /** The services of a host. */
  contextOf(host: HostState): Context.Context<never> {
    return this.services === undefined ? Context.empty() : this.services.contextOf(host)
  }

  /** Nothing runs from here on, whatever still arrives. */
  end(): void {
    this.ended = true
  }

  // --------------------------------------------------------------------------
  // Tasks and timers
  // --------------------------------------------------------------------------

  /** Queues a task: one that arrives from outside of the host, unless a fiber of the host's own queues it. */
  post(host: HostState, task: Task, priority: number, kind: number = arrival): void {
    if (this.ended || host.status === "dead") return
    if (priority === 0) this.ready.push({ host, task, waitNanos: kind, rank: this.fibers.rankOfYielding() })
    else this.ready.pushWith({ host, task, waitNanos: kind, rank: 0 }, priority)
    this.onPost?.()
  }

  private pushTimer(timer: Timer): void {
    timer.rank = this.fibers.rankOfTimer()
    this.ready.push(timer)
  }

  startTimer(host: HostState, afterNanos: number, task: Task): Timer {
    return this.arm(this.timers, host, afterNanos, task)
  }

  cancelTimer(timer: Timer): void {
    this.timers.remove(timer)
  }

  startIdleWait(host: HostState, afterNanos: number, task: Task): Timer {
    return this.arm(this.idleWaits, host, afterNanos, task)
  }

  cancelIdleWait(wait: Timer): void {
    this.idleWaits.remove(wait)
  }

  dropTimers(host: HostState): void {
    for (const heap of [this.timers, this.idleWaits]) {
      for (const timer of heap.values().filter((one) => one.host === host)) heap.remove(timer)
    }
  }

  get pendingTimers(): ReadonlyArray<Timer> {
    return this.timers.values()
  }

  private arm(heap: Heap<Timer>, host: HostState, waitNanos: number, task: Task): Timer {
    // One that compares with no other would put the whole heap out of order.
    if (Number.isNaN(waitNanos)) throw new Error("a timer was set for no number of nanoseconds")
    const timer = {
      atNanos: this.nowNanos + waitNanos,
      order: this.order++,
      index: -1,
      host,
      task,
      waitNanos,
      rank: 0
    }
    if (!this.ended && host.status !== "dead" && timer.atNanos !== Infinity) {
      heap.push(timer)
      this.onPost?.()
    }
    return timer
  }

  // --------------------------------------------------------------------------
  // What the world does and says
  // --------------------------------------------------------------------------

  /** One of 0…n−1 on behalf of the world, where 0 is calm. */
  readonly choose = (n: number): number => {
    if (n < 2) return 0
    const value = this.source.draw("fault", n)
    this.hash.mix(value)
    return value
  }

  /** A fault has done something to somebody; one that was only configured does not count. */
  readonly tookEffect = (fault: string, text: string, where?: Trace.Event["data"]): void => {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1)
    this.emit("fault", text, { fault, ...where })
  }

  /** Whether somebody looks at events. */
  get isWatched(): boolean {
    return this.onEvent !== undefined
  }

  emit(
    kind: Trace.Kind,
    text: string,
    data?: Trace.Event["data"],
    fiber?: number,
    host: HostState | undefined = this.current
  ): void {
    if (kind !== "fiber" && kind !== "log") {
      this.hash.mixText(kind)
      this.hash.mixText(text)
    }
    this.onEvent?.({
      atNanos: this.nowNanos,
      host: (host ?? this.main).name,
      fiber: fiber ?? this.fibers.currentOrdinal,
      kind,
      text,
      data
    })
  }

  /** A promise does not hold: the run ends here. */
  violate(guarantee: string, problem: string): void {
    if (this.violation !== undefined) return
    this.violation = { guarantee, problem }
    this.emit("check", `${guarantee} does not hold: ${problem}`, { guarantee })
  }

  finish(): Choices.Recording {
    return this.recorder.finish()
  }
}
