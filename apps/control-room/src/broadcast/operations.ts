/** The four operations of the wallet, each over many servers at once. */
import { FanOut } from "@holdfast/core"
import * as calls from "./calls.ts"
import { type Entry, type Target, targetsOfPush } from "./Entry.ts"
import { Numbers, optionsOf } from "./Numbers.ts"

const everyEntry = (entries: ReadonlyArray<Entry>) => entries

/** Asks every server for its fee, its address and how it is. */
export class Ping extends FanOut.Service<Ping, Entry>()("control-room/broadcast/Ping", {
  targets: everyEntry,
  call: calls.ping,
  label: "ping",
  ...optionsOf(Numbers.ping)
}) {}

/** Downloads the list of servers from whoever offers it; the first answer is enough. */
export class ListDownload extends FanOut.Service<ListDownload, Entry>()(
  "control-room/broadcast/ListDownload",
  {
    targets: everyEntry,
    call: calls.list,
    label: "list",
    until: "first",
    ...optionsOf(Numbers.list)
  }
) {}

/** Pushes to every entry that carries transactions and is not known to hold them. */
export class Push extends FanOut.Service<Push, Target>()("control-room/broadcast/Push", {
  targets: targetsOfPush,
  call: ({ entry }) => calls.push(entry),
  label: "push",
  ...optionsOf(Numbers.push)
}) {}

/** Asks every server whether it holds the transactions of its entry. */
export class Check extends FanOut.Service<Check, Entry>()("control-room/broadcast/Check", {
  targets: everyEntry,
  call: calls.check,
  label: "check",
  ...optionsOf(Numbers.check)
}) {}
