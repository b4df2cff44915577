/** How writers are killed, one after the other. */
import {
  commonPoints,
  filePoints,
  type Point,
  type StartPoint,
  type StoreName,
  startPoints
} from "./writer/Wire.ts"

export type Death = Point | "at random"

/** Whether one dies so that only starts. */
export const isAtStart = (death: Death): death is StartPoint => startPoints.some((point) => point === death)

/** Those that die with something that others wait for. */
const holding: ReadonlySet<Death> = new Set<Death>([
  "in a decision",
  "with a lease",
  "with a key",
  ...filePoints.filter((point) => !isAtStart(point))
])

/** Whether others cannot go on before they have what the dead one had. */
export const isHolding = (death: Death): boolean => holding.has(death)

const atRandom = (count: number): ReadonlyArray<Death> => Array.from({ length: count }, () => "at random")

/** At every point, and at random. */
export const deathsOf = (store: StoreName): ReadonlyArray<Death> =>
  store === "sqlite"
    ? [...commonPoints, ...atRandom(3), ...commonPoints.filter(isHolding)]
    : [...commonPoints, ...filePoints, ...atRandom(3)]
