/** Writers share a register and a ledger; they are killed wherever one can be, and others follow them. */
import { Effect } from "effect"
import { bySecond, exactly, figure, type Promised } from "../../Promised.ts"
import { openBoard } from "../board.ts"
import { Crew } from "../Crew.ts"
import { deathsOf } from "../deaths.ts"
import { fencesOf, inherited, type Life, neverAgain, overlaps, robbed, writesOf } from "../history.ts"
import { type Found, lookAround } from "../look.ts"
import { Numbers, Writers } from "../Numbers.ts"
import type { Scenario } from "../Scenario.ts"
import type { StoreName } from "../writer/Wire.ts"

const secondsMax = 50

const titles: Record<StoreName, string> = { sqlite: "SQLite", file: "files" }

export const kills = (store: StoreName, deaths = deathsOf(store)): Scenario => ({
  id: store,
  waits: false,
  secondsMax,
  run: Effect.fnUntraced(function* (stage) {
    const count = yield* Writers
    const { line, progress } = yield* openBoard(
      `${titles[store]}: ${count} writers, and ${deaths.length} kills`,
      Array.from({ length: count }, (_, desk) => `writer ${desk + 1}`),
      secondsMax
    )
    const killed = (done: number) => progress({ done, of: deaths.length, what: "kills" })
    const crew = new Crew(stage, store, line)
    yield* killed(0)
    yield* crew.begin(count)
    const takeovers: Array<number> = []
    for (const [index, death] of deaths.entries()) {
      const seconds = yield* crew.kill(index % count, death)
      yield* killed(index + 1)
      if (seconds !== undefined) takeovers.push(seconds)
    }
    yield* crew.end
    const found = yield* lookAround(store, stage.directory)
    return [
      ...written(store, crew.lives, found),
      ...had(store, crew.lives),
      ...left(store, found),
      ...takenOver(store, takeovers)
    ]
  })
})

const written = (store: StoreName, lives: ReadonlyArray<Life>, found: Found): ReadonlyArray<Promised> => {
  const { acknowledged, invented, lost } = writesOf(lives, found)
  const killed = lives.filter(({ killedMillis }) => killedMillis !== undefined).length
  const title = titles[store]
  return [
    exactly({
      id: `${store}/lost`,
      text: `${title}, ${lives.length - killed} writers, ${killed} kills: of ${acknowledged} writes that were acknowledged, lost`,
      bound: 0,
      measured: lost,
      unit: "writes"
    }),
    exactly({
      id: `${store}/invented`,
      text: `${title}: writes that are there, and made by nobody`,
      bound: 0,
      measured: invented,
      unit: "writes"
    })
  ]
}

const had = (store: StoreName, lives: ReadonlyArray<Life>): ReadonlyArray<Promised> => {
  const { all, taken } = inherited(lives)
  const fences = fencesOf(lives)
  const title = titles[store]
  return [
    exactly({
      id: `${store}/overlaps`,
      text: `${title}: contested keys, and leases of the ledger, that two had at once`,
      bound: 0,
      measured: overlaps(lives),
      unit: "times"
    }),
    exactly({
      id: `${store}/robbed`,
      text: `${title}: contested keys that were taken from a writer who lives`,
      bound: 0,
      measured: robbed(lives),
      unit: "times"
    }),
    exactly({
      id: `${store}/again`,
      text: `${title}: contested keys (one of them with a guard) that no writer had twice`,
      bound: 0,
      measured: neverAgain(lives, Numbers.contested),
      unit: "keys"
    }),
    exactly({
      id: `${store}/inherited`,
      text: `${title}: keys that a writer was killed with, and another one had after him`,
      bound: all,
      measured: taken,
      unit: "keys"
    }),
    exactly({
      id: `${store}/fences`,
      text: `${title}: of ${fences.all} fences, of owners and of leases, not above the one before`,
      bound: 0,
      measured: fences.notAbove,
      unit: "fences"
    })
  ]
}

/** What is left when all are gone. */
const left = (store: StoreName, found: Found): ReadonlyArray<Promised> => {
  const title = titles[store]
  const active = Array.from(found.entries.values()).filter((isActive) => isActive).length
  return [
    exactly({
      id: `${store}/files`,
      text: `${title}: when all are gone, files that are no part of the store`,
      bound: "none",
      measured: found.strangers.length === 0 ? "none" : `${found.strangers.length}: ${found.strangers[0]}`,
      unit: ""
    }),
    exactly({
      id: `${store}/owners`,
      text: `${title}: when all are gone, owners that are still written down`,
      bound: 0,
      measured: found.owners,
      unit: "owners"
    }),
    exactly({
      id: `${store}/active`,
      text: `${title}: when all are gone, keys that are still active`,
      bound: 0,
      measured: active,
      unit: "keys"
    }),
    exactly({
      id: `${store}/stuck`,
      text: `${title}: when all are gone, contested keys that nobody can have`,
      bound: 0,
      measured: Numbers.contested.length - found.free,
      unit: "keys"
    })
  ]
}

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN

/** Only who dies with something that others wait for has a next owner. */
const takenOver = (store: StoreName, seconds: ReadonlyArray<number>): ReadonlyArray<Promised> => [
  bySecond({
    id: `${store}/takeover`,
    text: `${titles[store]}: from a kill to the next owner, at most, of the ${seconds.length} kills that left something others wait for`,
    bound: Numbers.takeoverSeconds,
    measured: Math.max(...seconds)
  }),
  figure({
    id: `${store}/takeover-median`,
    text: `${titles[store]}: from a kill to the next owner, at the median`,
    measured: 1000 * median(seconds),
    unit: "ms"
  })
]
