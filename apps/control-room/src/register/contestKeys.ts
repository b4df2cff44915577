/** The keys of the contest, in the order in which a process tries them: one of its own, and one that all want. */
import { Numbers } from "./Numbers.ts"

const own = "own/"

export const contestKeys = (name: string): ReadonlyArray<string> =>
  Array.from({ length: Numbers.contest.keys }, (_, index) => [
    `${own}${name}/${index}`,
    `all/${index}`
  ]).flat()

export const isOwn = (key: string): boolean => key.startsWith(own)
