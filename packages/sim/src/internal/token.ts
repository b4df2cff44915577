/**
 * A run as a short text: what is printed after a failure, and given back to make the run again.
 *
 * A token is the base64url of a JSON array, `[version, suite, workload, faults, lists, level]`. Of the four lists of
 * choices those at the end that are empty are left out, and `-n` stands for n zeros. The workload and the faults are
 * written by `plain.ts`.
 */
import { Result, Schema } from "effect"
import { Base64Url } from "effect/encoding"
import type * as Choices from "../Choices.ts"
import type { Level } from "../Simulation.ts"
import { calmGap } from "./steering.ts"
import { fromPlain, type Problem, toPlain } from "./token/plain.ts"

/** What a token holds. */
export interface Replay {
  readonly suite: string
  readonly workload: unknown
  readonly faults: ReadonlyArray<unknown>
  readonly choices: Choices.Recording
  readonly level: Level
}

/**
 * A text that is no token, or not one that can be replayed here.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvalidToken extends Schema.TaggedError<InvalidToken>(
  "@holdfast/sim/internal/token/InvalidToken"
)("InvalidToken", {
  reason: Schema.Literals(["NoToken", "Damaged", "NewerVersion", "OtherSuite"]),
  /** What is wrong and what to do, as a sentence. */
  problem: Schema.String
}) {
  override get message(): string {
    return this.problem
  }
}

/**
 * A workload, or a fault, with something in it that a token cannot hold.
 *
 * @since 0.1.0
 * @category errors
 */
export class NotReplayable extends Schema.TaggedError<NotReplayable>(
  "@holdfast/sim/internal/token/NotReplayable"
)("NotReplayable", {
  /** Where it is, such as `workload.items[3]`. */
  path: Schema.String,
  /** What it is, such as `a Date`. */
  found: Schema.String
}) {
  override get message(): string {
    return (
      `no token for this run: ${this.path} is ${this.found}. Draw plain data (numbers, text, bytes, arrays, plain ` +
      "objects) and build the rest from it in `run`; until then repeat the campaign with its seed."
    )
  }
}

const version = 1

/** Every token begins like this, because it is the base64url of `[1,` or of another small version. */
const looksLikeToken = /^W[yz][\w-]+$/

const maxChoices = 1_000_000

const maxShown = 40

// ----------------------------------------------------------------------------
// Lists of choices
// ----------------------------------------------------------------------------

const levels: ReadonlyArray<Level> = ["anywhere", "realistic"]

const packList = (list: ReadonlyArray<number>): ReadonlyArray<number> => {
  const packed: Array<number> = []
  for (let start = 0; start < list.length; ) {
    let end = start
    while (list[end] === 0) end++
    const zeros = end - start
    packed.push(zeros > 1 ? -zeros : (list[start] ?? 0))
    start += Math.max(1, zeros)
  }
  return packed
}

const packLists = ({ fault, gap, pick, random }: Choices.Recording): ReadonlyArray<ReadonlyArray<number>> => {
  const lists = [gap, pick, fault, random].map(packList)
  return lists.slice(0, lists.findLastIndex((list) => list.length > 0) + 1)
}

const unpackList = (packed: unknown, below: number): ReadonlyArray<number> | undefined => {
  if (!Array.isArray(packed)) return undefined
  const list: Array<number> = []
  for (const choice of packed) {
    if (!Number.isSafeInteger(choice) || choice >= below) return undefined
    if (list.length - Math.min(choice, -1) > maxChoices) return undefined
    if (choice >= 0) list.push(choice)
    else for (let zeros = -choice; zeros > 0; zeros--) list.push(0)
  }
  return list
}

const unpackLists = (lists: unknown): Choices.Recording | undefined => {
  if (!Array.isArray(lists) || lists.length > 4) return undefined
  const gap = unpackList(lists[0] ?? [], calmGap)
  const pick = unpackList(lists[1] ?? [], Infinity)
  const fault = unpackList(lists[2] ?? [], Infinity)
  const random = unpackList(lists[3] ?? [], Infinity)
  if (gap === undefined || pick === undefined || fault === undefined || random === undefined) return undefined
  return { gap, pick, fault, random }
}

// ----------------------------------------------------------------------------
// Tokens
// ----------------------------------------------------------------------------

/** Throws `NotReplayable`. */
export const encode = ({ choices, faults, level, suite, workload }: Replay): string => {
  const plain = (value: unknown, name: string): unknown =>
    Result.getOrThrowWith(toPlain(value, name), (problem: Problem) => new NotReplayable(problem))
  return Base64Url.encode(
    JSON.stringify([
      version,
      suite,
      plain(workload, "workload"),
      plain(faults, "faults"),
      packLists(choices),
      levels.indexOf(level)
    ])
  )
}

const shown = (text: string): string =>
  JSON.stringify(text.length > maxShown ? `${text.slice(0, maxShown)}…` : text)

const noToken = (text: string): InvalidToken =>
  new InvalidToken({
    reason: "NoToken",
    problem: `${shown(text)} is no token: those are letters, digits, - and _, and begin with W, as printed after a failure`
  })

const damaged = (text: string): InvalidToken =>
  new InvalidToken({
    reason: "Damaged",
    problem: `the token ${shown(text)} of ${text.length} characters is cut short or changed: copy the whole of it`
  })

const parse = (text: string): unknown => {
  const json = Result.getOrUndefined(Base64Url.decodeString(text))
  if (json === undefined) return undefined
  try {
    return JSON.parse(json)
  } catch {
    return undefined
  }
}

/** The parts of a token of this version, and its suite. */
const open = (
  token: string
): { readonly suite: string; readonly rest: ReadonlyArray<unknown>; readonly text: string } => {
  const text = token.trim()
  if (!looksLikeToken.test(text)) throw noToken(text)
  const parts = parse(text)
  if (!Array.isArray(parts)) throw damaged(text)
  const [written, suite, ...rest]: ReadonlyArray<unknown> = parts
  if (typeof written === "number" && written > version) {
    throw new InvalidToken({
      reason: "NewerVersion",
      problem: `the token ${shown(text)} is of version ${written}, which a newer @holdfast/sim wrote; this one reads ${version}`
    })
  }
  if (written !== version || typeof suite !== "string") throw damaged(text)
  return { suite, rest, text }
}

/** The name of the suite that a token is of. Throws `InvalidToken`. */
export const suiteOf = (token: string): string => open(token).suite

/** What a token of `suite` holds. Throws `InvalidToken`, and nothing else whatever the text. */
export const decode = (token: string, suite: string): Replay => {
  const { rest, suite: written, text } = open(token)
  if (written !== suite) {
    throw new InvalidToken({
      reason: "OtherSuite",
      problem: `the token ${shown(text)} is of the suite ${shown(written)}, not of ${shown(suite)}`
    })
  }
  const [plainWorkload, plainFaults, lists, levelIndex] = rest
  const workload = fromPlain(plainWorkload)
  const faults = fromPlain(plainFaults)
  const choices = unpackLists(lists)
  const level = typeof levelIndex === "number" ? levels[levelIndex] : undefined
  if (workload === undefined || faults === undefined || !Array.isArray(faults.value)) throw damaged(text)
  if (choices === undefined || level === undefined || rest.length !== 4) throw damaged(text)
  return { suite, workload: workload.value, faults: faults.value, choices, level }
}
