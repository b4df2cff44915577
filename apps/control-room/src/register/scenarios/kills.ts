/** Writers share a register and a ledger; they are killed wherever one can be, and others follow them. */
import { Effect } from "effect"
import { bySecond, exactly, type Promised } from "../../Promised.ts"
import { openBoard } from "../board.ts"
import { Crew } from "../Crew.ts"
import { deathsOf } from "../deaths.ts"
import { fencesOf, inherited, type Life, overlaps, robbed, writesOf } from "../history.ts"
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
    const line = yield* openBoard(
      `${titles[store]}: ${count} writers, and ${deaths.length} kills`,
      Array.from({ length: count }, (_, desk) => `writer ${desk + 1}`),
      secondsMax
    )
    const crew = new Crew(stage, store, line)
    yield* crew.begin(count)
    const takeovers: Array<number> = []
    for (const [index, death] of deaths.entries()) {
      const seconds = yield* crew.kill(index % count, death)
      if (seconds !== undefined) takeovers.push(seconds)
    }
    yield* crew.end
    return rows(store, crew.lives, yield* lookAround(store, stage.directory), takeovers)
  })
})

const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN

const rows = (
  store: StoreName,
  lives: ReadonlyArray<Life>,
  found: Found,
  takeovers: ReadonlyArray<number>
): ReadonlyArray<Promised> => {
  const writes = writesOf(lives, found)
  const fences = fencesOf(lives)
  const { all, taken } = inherited(lives)
  const killed = lives.filter(({ killedMillis }) => killedMillis !== undefined).length
  const active = Array.from(found.entries.values()).filter((isActive) => isActive).length
  return [
    exactly({
      id: `${store}/writes`,
      text: `${titles[store]}, ${lives.length - killed} writers, ${killed} kills, ${writes.acknowledged} writes: acknowledged and lost / there, and made by nobody`,
      bound: "0 / 0",
      measured: `${writes.lost} / ${writes.invented}`,
      unit: ""
    }),
    exactly({
      id: `${store}/winners`,
      text: "… contested keys: two who have one at once / taken from one who lives",
      bound: "0 / 0",
      measured: `${overlaps(lives)} / ${robbed(lives)}`,
      unit: ""
    }),
    exactly({
      id: `${store}/inherited`,
      text: "… keys that somebody was killed with: taken by the next one",
      bound: `${all} of ${all}`,
      measured: `${taken} of ${all}`,
      unit: ""
    }),
    exactly({
      id: `${store}/fences`,
      text: `… of ${fences.all} fences, of owners and of leases: not above the one before`,
      bound: 0,
      measured: fences.notAbove,
      unit: "fences"
    }),
    exactly({
      id: `${store}/left`,
      text: "… what is left when all are gone: files of writers / active keys / keys that nobody can have",
      bound: "0 / 0 / 0",
      measured: `${found.left.length} / ${active} / ${Numbers.contested.length - found.free}`,
      unit: ""
    }),
    bySecond({
      id: `${store}/takeover`,
      text: `… from a kill to the next owner: at most, of ${takeovers.length} (the median is ${(1000 * median(takeovers)).toFixed(1)} ms)`,
      bound: Numbers.takeoverSeconds,
      measured: Math.max(...takeovers)
    })
  ]
}
