/** The recordings of a run as what gets smaller: their order, and the small steps down. */
import type * as Choices from "../../Choices.ts"
import { calmGap } from "../steering.ts"

/** A list of choices of one kind. */
export type List = ReadonlyArray<number>

/** Faults first: a failure that needs none is understood best. Gaps last: the other lists depend on them most. */
export const kinds: ReadonlyArray<Choices.Kind> = ["fault", "random", "pick", "gap"]

const trimList = (list: List): List => list.slice(0, list.findLastIndex((choice) => choice !== 0) + 1)

/** Without the zeros at the ends, which mean nothing. */
export const trim = ({ fault, gap, pick, random }: Choices.Recording): Choices.Recording => ({
  gap: trimList(gap),
  pick: trimList(pick),
  fault: trimList(fault),
  random: trimList(random)
})

export const countNonZero = (...lists: ReadonlyArray<List>): number => {
  let count = 0
  for (const list of lists) for (const choice of list) if (choice !== 0) count++
  return count
}

const lists = ({ fault, gap, pick, random }: Choices.Recording): ReadonlyArray<List> => [
  gap,
  pick,
  fault,
  random
]

/** Choices in all four lists, zeros included. */
export const lengthOf = (recording: Choices.Recording): number =>
  lists(recording).reduce((length, list) => length + list.length, 0)

const sumOf = (list: List): number => list.reduce((sum, choice) => sum + choice, 0)

/**
 * Whether `a` is simpler than `b`: fewer choices that are not calm, then shorter, then smaller numbers.
 *
 * All three are natural numbers, so that no chain of ever simpler recordings is endless.
 */
export const isSimpler = (a: Choices.Recording, b: Choices.Recording): boolean => {
  const fewer = countNonZero(...lists(a)) - countNonZero(...lists(b))
  if (fewer !== 0) return fewer < 0
  const shorter = lengthOf(a) - lengthOf(b)
  if (shorter !== 0) return shorter < 0
  return sumOf(lists(a).map(sumOf)) < sumOf(lists(b).map(sumOf))
}

/** The same for equal recordings only. */
export const keyOf = (recording: Choices.Recording): string => JSON.stringify(lists(recording))

const operationsOf = (gap: number): number => (gap === 0 ? calmGap : gap)

type Replace = (block: List) => List

const replaceBlock = (list: List, start: number, end: number, replace: Replace): List => [
  ...list.slice(0, start),
  ...replace(list.slice(start, end)),
  ...list.slice(end)
]

/** Gaps of which the last ends after so many operations, and the others in no preemption: 300 are `[0, 44]`. */
const gapsFor = (operations: number): List => {
  const calm = Array.from({ length: Math.floor(operations / calmGap) }, () => 0)
  return operations % calmGap === 0 ? calm : [...calm, operations % calmGap]
}

const operationsIn = (gaps: List): number => sumOf(gaps.map(operationsOf))

const mergeGaps: Replace = (gaps) => gapsFor(operationsIn(gaps))

/**
 * All lists of gaps with a single preemption, the earliest first.
 *
 * They reach past the last preemption of `gaps`, because operations that ran out of turn before it may be needed now.
 */
export const singlePreemptions = function* (gaps: List, maxCount: number): Iterable<List> {
  const last = Math.min(operationsIn(gaps) + calmGap, maxCount)
  for (let operations = 1; operations <= last; operations++) yield gapsFor(operations)
}

/** The same preemptions, all of them 1, 2, 3 … operations earlier. */
export const earlier = function* (gaps: List, maxCount: number): Iterable<List> {
  const first = gaps.findIndex((gap) => gap !== 0) + 1
  const operations = operationsIn(gaps.slice(0, first))
  for (let by = 1; by <= maxCount && by < operations; by++) {
    yield [...gapsFor(operations - by), ...gaps.slice(first)]
  }
}

/** Longer lists have too many pairs to try them all. */
const maxPairs = 1024

/** All pairs of gaps and picks of which two neighbouring gaps are one, and one pick is left out. */
export const withoutOnePreemption = function* ({
  gap,
  pick
}: Choices.Recording): Iterable<Pick<Choices.Recording, "gap" | "pick">> {
  if (gap.length * pick.length > maxPairs) return
  for (let end = gap.length; end >= 2; end--) {
    const fewer = replaceBlock(gap, end - 2, end, mergeGaps)
    for (let index = pick.length - 1; index >= 0; index--)
      yield { gap: fewer, pick: pick.toSpliced(index, 1) }
  }
}

/** How neighbours become one, where what follows should happen at the same place as before. */
const merges: Partial<Record<Choices.Kind, Replace>> = {
  gap: mergeGaps,
  // Tasks that pass the same one in turn become one that passes as many.
  pick: (block) => [sumOf(block)]
}

/** A list that gets smaller: `propose` puts another in its place if the run still fails with it. */
export interface Editor {
  readonly list: () => List
  readonly propose: (list: List) => boolean
  readonly isOver: () => boolean
}

/** The sizes of blocks: a whole list, halves, quarters, down to `least`. */
export const sizes = function* (length: number, least: number): Iterable<number> {
  for (let size = length; size > least; size = Math.floor(size / 2)) yield size
  if (length >= least) yield least
}

/** Proposes to replace each block, the large ones first, and of these the last ones. */
const eachBlock = (editor: Editor, least: number, replace: Replace): void => {
  for (const size of sizes(editor.list().length, least)) {
    // Steps leave no pair of neighbours out when blocks of two are the smallest.
    for (let end = editor.list().length; end >= least; end -= size - least + 1) {
      if (editor.isOver()) return
      editor.propose(replaceBlock(editor.list(), Math.max(0, end - size), end, replace))
    }
  }
}

/** Bisects for the least number that is taken, between 0, which is not, and `from`, which is. */
const lower = (from: number, propose: (n: number) => boolean): void => {
  let refused = 0
  let taken = from
  while (taken - refused > 1) {
    const middle = Math.floor((refused + taken) / 2)
    if (propose(middle)) taken = middle
    else refused = middle
  }
}

/** One pass of all steps over the list of one kind. */
export const shrinkList = (kind: Choices.Kind, editor: Editor): void => {
  if (editor.list().length === 0 || editor.propose([])) return
  const merge = merges[kind]
  if (merge !== undefined) eachBlock(editor, 2, merge)
  eachBlock(editor, 1, () => [])
  eachBlock(editor, 1, (block) => block.map(() => 0))
  for (let index = editor.list().length - 1; index >= 0 && !editor.isOver(); index--) {
    lower(editor.list()[index] ?? 0, (choice) => editor.propose(editor.list().with(index, choice)))
  }
}
