/** All that the system shows, in the order of the result. */
import type { Scenario } from "../Scenario.ts"
import { contest } from "./contest.ts"
import { kills } from "./kills.ts"
import { stale } from "./stale.ts"

export const scenarios: ReadonlyArray<Scenario> = [
  contest(["sqlite", "file", "separately", "together"]),
  kills("sqlite"),
  kills("file"),
  stale
]
