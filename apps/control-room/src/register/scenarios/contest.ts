/** Four processes take 50 keys of their own each, and 50 that all want: with ours, and with the peer. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { at } from "../../at.ts"
import { exactly, type Promised } from "../../Promised.ts"
import { openBoard } from "../board.ts"
import { isOwn } from "../contestKeys.ts"
import { contestOf, type Life } from "../history.ts"
import { lookAtRegister } from "../look.ts"
import { Numbers } from "../Numbers.ts"
import { isTold, type Process, start } from "../Process.ts"
import { fileIn, load } from "../peer/Register.ts"
import type { PeerPlan } from "../peer/Wire.ts"
import type { Scenario, Stage } from "../Scenario.ts"
import { nowMillis } from "../writer/lines.ts"
import type { Plan, StoreName } from "../writer/Wire.ts"

type Id = StoreName | "separately" | "together"

interface Contender {
  readonly id: Id
  readonly title: string
  /** On the board. */
  readonly name: string
  /** Whether everything is promised of it. */
  readonly isOurs: boolean
  readonly plan: (directory: string, name: string) => Plan | PeerPlan
  /** Whether a key is there that somebody was told that he has. */
  readonly look: (
    directory: string,
    processes: ReadonlyArray<Process>
  ) => Effect.Effect<(key: string, life: Life) => boolean, unknown>
}

const ours = (store: StoreName, title: string): Contender => ({
  id: store,
  title,
  name: title,
  isOurs: true,
  plan: (directory, name) => ({ store, directory, name, job: "contest" }),
  look: (directory, processes) =>
    Effect.map(lookAtRegister(store, directory), (entries) => (key, life) => {
      const told = processes.find(({ name }) => name === life.name)?.told.items.find(isTold("ready"))
      const owner = entries.get(key)?.owner
      return owner !== undefined && owner.slot === told?.slot && owner.fence === told.fence
    })
})

const peer = (job: "separately" | "together", locks: string): Contender => ({
  id: job,
  title: `proper-lockfile + write-file-atomic, ${locks}`,
  name: `peer, ${job}`,
  isOurs: false,
  plan: (directory, name) => ({ directory, name, job }),
  look: (directory) =>
    Effect.map(
      Effect.promise(() => load(fileIn(directory))),
      (flags) => (key) => flags[key] === true
    )
})

const contenders: Record<Id, Contender> = {
  sqlite: ours("sqlite", "SQLite"),
  file: ours("file", "files"),
  separately: peer("separately", "the load and the write locked separately, as the original does"),
  together: peer("together", "one lock over both")
}

const peerProgram = fileURLToPath(new URL("../peer/main.ts", import.meta.url))

const { keys, processes: count } = Numbers.contest

interface Outcome extends ReturnType<typeof contestOf> {
  readonly seconds: number
}

const compete = Effect.fnUntraced(function* (stage: Stage, contender: Contender) {
  const directory = join(stage.directory, contender.id)
  const entryPoint = contender.isOurs ? stage.writer : peerProgram
  const processes = yield* Effect.forEach(
    Array.from({ length: count }, (_, index) => `${contender.id} ${index}`),
    (name) => start({ entryPoint, plan: contender.plan(directory, name), cache: stage.cache }),
    { concurrency: "unbounded" }
  )
  const goMillis = nowMillis()
  yield* Effect.forEach(processes, ({ tell }) => tell({ tag: "go" }))
  const done = yield* Effect.forEach(processes, ({ first }) => first(isTold("done")))
  // As long as they live, they have what they won.
  const isThere = yield* contender.look(directory, processes)
  yield* Effect.forEach(processes, ({ tell }) => tell({ tag: "end" }))
  yield* Effect.forEach(processes, ({ ended }) => ended)
  const lives = processes.map(({ name, told }): Life => ({ name, told: told.items, killedMillis: undefined }))
  return {
    ...contestOf(lives, isOwn, isThere),
    seconds: (Math.max(...done.map((told) => told.at)) - goMillis) / 1000
  } satisfies Outcome
})

const wordsOf = ({ notSo, own, winners }: Outcome): string => `${own} / ${winners} / ${notSo}`

const promised = `${count * keys} / ${keys} / 0`

const row = ({ id, isOurs, title }: Contender, outcome: Outcome): Promised => {
  const text = `${title}: own keys that survive / winners of the others / who won, and has not got it`
  return isOurs
    ? exactly({
        id: `contest/${id}`,
        text,
        bound: promised,
        measured: wordsOf(outcome),
        unit: ""
      })
    : { id: `contest/${id}`, text, bound: "any", measured: wordsOf(outcome), unit: "", ok: true }
}

const secondsMax = 50

/** With those that are named, one after the other. */
export const contest = (ids: ReadonlyArray<Id>): Scenario => ({
  id: "contest",
  waits: false,
  secondsMax,
  run: Effect.fnUntraced(function* (stage) {
    const all = ids.map((id) => contenders[id])
    const title = `contest: ${count} processes, ${keys} keys of their own each, and ${keys} that all want`
    const names = all.map(({ name }) => name)
    const line = yield* openBoard(title, names, secondsMax)
    const outcomes: Array<Outcome> = []
    for (const [index, contender] of all.entries()) {
      yield* line(index, "in flight", "competes")
      const outcome = yield* Effect.scoped(compete(stage, contender))
      outcomes.push(outcome)
      const isRight = wordsOf(outcome) === promised
      const note = `${outcome.own} own keys, ${outcome.winners} winners, ${outcome.seconds.toFixed(2)} s`
      yield* line(index, isRight ? "good" : "bad", note)
    }
    return [...all.map((contender, index) => row(contender, at(outcomes, index))), time(names, outcomes)]
  })
})

const time = (names: ReadonlyArray<string>, outcomes: ReadonlyArray<Outcome>): Promised => ({
  id: "contest/time",
  text: `… in how much time: ${names.join(" / ")}`,
  bound: "any",
  measured: `${outcomes.map(({ seconds }) => seconds.toFixed(2)).join(" / ")} s`,
  unit: "",
  ok: true
})
