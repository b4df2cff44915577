/** One row of the result: what was promised, the bound, what was measured; or a figure, of which nothing is promised. */

import { at } from "./at.ts"

export interface Promised {
  readonly id: string
  readonly text: string
  /** The bound as a person reads it, in the unit of the measurement, with any tolerance in it; empty for a figure. */
  readonly bound: string
  readonly measured: number | string
  readonly unit: string
  /** Whether it was kept; `null` for a figure. */
  readonly ok: boolean | null
}

export const isKept = ({ ok }: Promised): boolean => ok === true

export const isBroken = ({ ok }: Promised): boolean => ok === false

/** What a busy event loop may add to an instant at which something had to happen. */
export const loopToleranceSeconds = 0.5

interface Row {
  readonly id: string
  readonly text: string
}

/** No later than `bound` seconds, plus the tolerance for the event loop. */
export const bySecond = (
  row: Row & { readonly bound: number; readonly measured: number; readonly tolerance?: number }
): Promised => {
  const { bound, id, measured, text, tolerance = loopToleranceSeconds } = row
  return {
    id,
    text,
    bound: `≤ ${bound} + ${tolerance}`,
    measured: round(measured),
    unit: "s",
    ok: measured <= bound + tolerance
  }
}

/** At `at` seconds, neither earlier nor later than the tolerance allows. */
export const atSecond = (row: Row & { readonly at: number; readonly measured: number }): Promised => ({
  id: row.id,
  text: row.text,
  bound: `${row.at} ± ${loopToleranceSeconds}`,
  measured: round(row.measured),
  unit: "s",
  ok: isNear(row.measured, row.at)
})

/** At each of these seconds, in this order, and at no other. */
export const atSeconds = (
  row: Row & { readonly at: ReadonlyArray<number>; readonly measured: ReadonlyArray<number> }
): Promised => ({
  id: row.id,
  text: row.text,
  bound: `${row.at.join(", ")} ± ${loopToleranceSeconds}`,
  measured: row.measured.length === 0 ? "none" : row.measured.map((seconds) => seconds.toFixed(2)).join(", "),
  unit: "s",
  ok:
    row.measured.length === row.at.length &&
    row.measured.every((seconds, index) => isNear(seconds, at(row.at, index)))
})

/** A timer may end this much early by the clock of another process. */
const clockToleranceSeconds = 0.01

/** Each pause lasts as long as it should; a busy event loop may make it longer, and nothing makes it shorter. */
export const afterDelays = (
  row: Row & { readonly delays: ReadonlyArray<number>; readonly measured: ReadonlyArray<number> }
): Promised => ({
  id: row.id,
  text: row.text,
  bound: `${row.delays.join(", ")} + ${loopToleranceSeconds}`,
  measured: row.measured.length === 0 ? "none" : row.measured.map((seconds) => seconds.toFixed(2)).join(", "),
  unit: "s",
  ok:
    row.measured.length === row.delays.length &&
    row.measured.every((seconds, index) => {
      const late = seconds - at(row.delays, index)
      return late >= -clockToleranceSeconds && late <= loopToleranceSeconds
    })
})

export const atMost = (
  row: Row & { readonly bound: number; readonly measured: number; readonly unit: string }
): Promised => ({
  ...row,
  bound: `≤ ${row.bound}`,
  measured: round(row.measured),
  ok: row.measured <= row.bound
})

export const atLeast = (
  row: Row & { readonly bound: number; readonly measured: number; readonly unit: string }
): Promised => ({
  ...row,
  bound: `≥ ${row.bound}`,
  measured: round(row.measured),
  ok: row.measured >= row.bound
})

export const exactly = (
  row: Row & { readonly bound: number | string; readonly measured: number | string; readonly unit: string }
): Promised => ({ ...row, bound: String(row.bound), ok: row.measured === row.bound })

/** What is only measured: nothing is promised of it. */
export const figure = (
  row: Row & { readonly measured: number | string; readonly unit: string }
): Promised => ({
  ...row,
  bound: "",
  measured: typeof row.measured === "number" ? round(row.measured) : row.measured,
  ok: null
})

/** What could not even be measured is not kept. */
export const notMeasured = (row: Row & { readonly reason: string }): Promised => ({
  id: row.id,
  text: row.text,
  bound: "measured",
  measured: row.reason,
  unit: "",
  ok: false
})

/** What never happened has no time, and JSON has no NaN. */
const round = (value: number): number | string =>
  Number.isFinite(value) ? Math.round(value * 100) / 100 : "none"

const isNear = (seconds: number, at: number): boolean => Math.abs(seconds - at) <= loopToleranceSeconds
