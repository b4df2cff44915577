/** `sim list`: the suites, and what they check. */
import { output, show } from "@holdfast/terminal/Output"
import { header, rest, row, widest } from "@holdfast/terminal/table"
import { Effect } from "effect"
import { visibleLine } from "./texts.ts"
import { hireOne } from "./workers.ts"

export const list = Effect.gen(function* () {
  const out = yield* output
  const suites = yield* (yield* hireOne).ask({ _tag: "List" })
  const texts = suites.map(({ guarantees, name }) => [visibleLine(name), visibleLine(guarantees.join(" "))])
  const suite = { title: "suite", width: widest(["suite", ...texts.map(([name = ""]) => name)]) }
  const columns = [suite, { title: "guarantees", width: Math.max(20, rest(out.columns, [suite])) }]
  const rows = texts.flatMap((cells) => row(columns, cells))
  yield* show([...header(columns), ...rows].map((line) => `${line}\n`).join(""))
}).pipe(Effect.scoped)
