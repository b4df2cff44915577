/** Four processes take 50 keys of their own each, and 50 that all want: with ours, and with the peer. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"
import { at } from "../../at.ts"
import { exactly, figure, type Promised } from "../../Promised.ts"
import { openBoard } from "../board.ts"
import { isOwn } from "../contestKeys.ts"
import { contestOf, type Life, wonBy } from "../history.ts"
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

const peer = (job: "separately" | "together"): Contender => ({
  id: job,
  title: `proper-lockfile, load and write ${job}`,
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
  separately: peer("separately"),
  together: peer("together")
}

const peerProgram = fileURLToPath(new URL("../peer/main.ts", import.meta.url))

const { keys, processes: count } = Numbers.contest

interface Outcome extends ReturnType<typeof contestOf> {
  readonly seconds: number
  /** Keys that are wrong once one has cleared the register; where one can. */
  readonly cleared: number | undefined
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
  const lives = processes.map(({ name, told }): Life => ({ name, told: told.items, killedMillis: undefined }))
  const cleared = contender.isOurs ? yield* clear(contender, directory, processes, lives) : undefined
  yield* Effect.forEach(processes, ({ tell }) => tell({ tag: "end" }))
  yield* Effect.forEach(processes, ({ ended }) => ended)
  return {
    cleared,
    ...contestOf(lives, isOwn, isThere),
    seconds: (Math.max(...done.map((told) => told.at)) - goMillis) / 1000
  } satisfies Outcome
})

/** One removes all that it may: what the others have stays. The result is how many keys are not as they must be. */
const clear = Effect.fnUntraced(function* (
  contender: Contender,
  directory: string,
  processes: ReadonlyArray<Process>,
  lives: ReadonlyArray<Life>
) {
  const who = at(processes, 0)
  yield* who.tell({ tag: "clear" })
  yield* who.first(isTold("cleared"))
  const isThere = yield* contender.look(directory, processes)
  return wonBy(lives).filter(({ key, life }) => isThere(key, life) === (life.name === who.name)).length
})

const isRight = ({ notSo, own, winners }: Outcome): boolean =>
  own === count * keys && winners === keys && notSo === 0

const rowsOf = (contender: Contender, outcome: Outcome): ReadonlyArray<Promised> => {
  const { id, isOurs, title } = contender
  const row = (what: string, text: string, bound: number, measured: number, unit: string): Promised => {
    const row = { id: `contest/${id}/${what}`, text: `${title}: ${text}`, measured, unit }
    return isOurs ? exactly({ ...row, bound }) : figure(row)
  }
  const { cleared, notSo, own, seconds, winners } = outcome
  return [
    row("own", `of ${count * keys} keys, each wanted by one, there in the end`, count * keys, own, "keys"),
    row("winners", `winners of ${keys} keys that all ${count} want`, keys, winners, "winners"),
    row("told", "keys that somebody was told he has won, and has not got", 0, notSo, "keys"),
    ...(cleared === undefined
      ? []
      : [
          row(
            "cleared",
            "once one has cleared the register, keys of his that are there, or of others that are not",
            0,
            cleared,
            "keys"
          )
        ]),
    figure({ id: `contest/${id}/time`, text: `${title}: the contest took`, measured: seconds, unit: "s" })
  ]
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
    const { line } = yield* openBoard(title, names, secondsMax)
    const outcomes: Array<Outcome> = []
    for (const [index, contender] of all.entries()) {
      yield* line(index, "in flight", "competes")
      const outcome = yield* Effect.scoped(compete(stage, contender))
      outcomes.push(outcome)
      const note = `${outcome.own} own keys, ${outcome.winners} winners, ${outcome.seconds.toFixed(2)} s`
      yield* line(index, isRight(outcome) ? "good" : "bad", note)
    }
    return all.flatMap((contender, index) => rowsOf(contender, at(outcomes, index)))
  })
})
