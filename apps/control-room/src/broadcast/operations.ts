/** The four operations of the wallet, each over a whole fleet at once. */
import { FanOut } from "@holdfast/core"
import { Context, Effect } from "effect"
import * as calls from "./calls.ts"
import { type Entry, isPushable, type Target, targetsOf } from "./Entry.ts"
import { concurrency, Numbers, policyOf, tickInterval } from "./Numbers.ts"

/** The servers that an operation goes to. */
export class Fleet extends Context.Service<
  Fleet,
  {
    readonly entries: Effect.Effect<ReadonlyArray<Entry>>
  }
>()("control-room/broadcast/Fleet") {}

const targets = Effect.flatMap(Fleet, (fleet) => Effect.map(fleet.entries, targetsOf))

/** Asks every server for its fee, its address and how it is. */
export class Ping extends FanOut.Service<Ping, Target>()("control-room/broadcast/Ping", {
  targets,
  call: ({ entry }) => calls.ping(entry),
  label: "ping",
  retry: policyOf(Numbers.ping),
  deadline: Numbers.ping.deadline,
  concurrency,
  tickInterval
}) {}

/** Downloads the list of servers from whoever offers it; the first answer is enough. */
export class ListDownload extends FanOut.Service<ListDownload, Target>()(
  "control-room/broadcast/ListDownload",
  {
    targets,
    call: ({ entry }) => calls.list(entry),
    label: "list",
    retry: policyOf(Numbers.list),
    deadline: Numbers.list.deadline,
    until: "first",
    concurrency,
    tickInterval
  }
) {}

/** Pushes to every entry that carries transactions and is not known to hold them. */
export class Push extends FanOut.Service<Push, Target>()("control-room/broadcast/Push", {
  targets: Effect.map(targets, (all) => all.filter(({ entry }) => isPushable(entry))),
  call: ({ entry }) => calls.push(entry),
  label: "push",
  retry: policyOf(Numbers.push),
  deadline: Numbers.push.deadline,
  concurrency,
  tickInterval
}) {}

/** Asks every server whether it holds the transactions of its entry. */
export class Check extends FanOut.Service<Check, Target>()("control-room/broadcast/Check", {
  targets,
  call: ({ entry }) => calls.check(entry),
  label: "check",
  retry: policyOf(Numbers.check),
  deadline: Numbers.check.deadline,
  concurrency,
  tickInterval
}) {}
