/** What one dead server costs under each operation, and the bound that was computed before anything ran. */
import { Effect } from "effect"
import { atSecond, exactly, notMeasured, type Promised } from "../../Promised.ts"
import { type Budget, Numbers, worstCaseSeconds } from "../Numbers.ts"
import { entriesWithTransactions, type Scenario } from "../Scenario.ts"
import { checkAll, downloadList, pingAll, pushAll } from "../wallet.ts"

export const worstCases: Scenario = {
  id: "worst-case",
  pace: "patient",
  servers: [
    { name: "dead for ping", behaviour: { _tag: "Stalling" } },
    { name: "dead for check", behaviour: { _tag: "Stalling" } },
    { name: "black hole for list", behaviour: { _tag: "BlackHoled" } },
    { name: "black hole for push", behaviour: { _tag: "BlackHoled" } }
  ],
  run: Effect.fnUntraced(function* (stage) {
    const one = (position: number) => entriesWithTransactions(stage, "worst").slice(position, position + 1)
    const { check, list, ping, push } = yield* Effect.all(
      {
        ping: pingAll("ping: a dead server", one(0)),
        check: checkAll("check: a dead server", one(1)),
        list: downloadList("list: a black hole", one(2)),
        push: pushAll("push: a black hole", one(3))
      },
      { concurrency: "unbounded" }
    )
    const inTheVoid = (row: Row): Promised =>
      stage.blackHole === "hangs"
        ? worstCase(row)
        : notMeasured({ ...row, reason: `a full backlog ${stage.blackHole} connects here` })
    return [
      worstCase({
        id: "worst-case/ping",
        text: "A dead server costs a ping one attempt",
        budget: Numbers.ping,
        measured: ping.watched.elapsedSeconds
      }),
      worstCase({
        id: "worst-case/check",
        text: "… a check two attempts and a pause",
        budget: Numbers.check,
        measured: check.watched.elapsedSeconds
      }),
      exactly({
        id: "worst-case/black-hole",
        text: "A connect to a server with a full backlog …",
        bound: "hangs",
        measured: stage.blackHole,
        unit: ""
      }),
      inTheVoid({
        id: "worst-case/list",
        text: "… and costs a list download its two attempts",
        budget: Numbers.list,
        measured: list.watched.elapsedSeconds
      }),
      inTheVoid({
        id: "worst-case/push",
        text: "… and a push its three: nothing else ends the wait",
        budget: Numbers.push,
        measured: push.watched.elapsedSeconds
      })
    ]
  })
}

interface Row {
  readonly id: string
  readonly text: string
  readonly budget: Budget
  readonly measured: number
}

const worstCase = ({ budget, id, measured, text }: Row): Promised =>
  atSecond({ id, text, at: worstCaseSeconds(budget), measured })
