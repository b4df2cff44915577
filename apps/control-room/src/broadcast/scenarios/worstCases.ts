/** What one dead server costs under each operation, and the bound that was computed before anything ran. */
import { Effect } from "effect"
import { atSecond, exactly, type Promised } from "../../Promised.ts"
import { type Budget, Numbers, worstCaseSeconds } from "../Numbers.ts"
import { type Scenario, withTransactions } from "../Scenario.ts"
import { checkAll, downloadList, pingAll, pushAll } from "../wallet.ts"

/** What a connect to a full backlog must do: Windows is the one that says no. */
const fullBacklog = process.platform === "win32" ? "refuses" : "hangs"

export const worstCases: Scenario = {
  id: "worst-case",
  pace: "patient",
  servers: [
    { name: "black hole 1", behaviour: { _tag: "BlackHoled" } },
    { name: "black hole 2", behaviour: { _tag: "BlackHoled" } },
    { name: "dead 1", behaviour: { _tag: "Stalling" } },
    { name: "dead 2", behaviour: { _tag: "Stalling" } }
  ],
  run: Effect.fnUntraced(function* (stage) {
    const entries = withTransactions(stage.entries, "worst")
    const one = (position: number) => entries.slice(position, position + 1)
    // Where there are no black holes, servers that accept and never answer cost the same.
    const [hole, what] =
      stage.blackHole === "hangs" ? ([0, "a black hole"] as const) : ([2, "a dead server"] as const)
    const { check, list, ping, push } = yield* Effect.all(
      {
        ping: pingAll("ping: a dead server", one(2)),
        check: checkAll("check: a dead server", one(3)),
        list: downloadList(`list: ${what}`, one(hole)),
        push: pushAll(`push: ${what}`, one(hole + 1))
      },
      { concurrency: "unbounded" }
    )
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
        text: "A connect to a server with a full backlog",
        bound: fullBacklog,
        measured: stage.blackHole,
        unit: ""
      }),
      worstCase({
        id: "worst-case/list",
        text: `… ${what} costs a list download its two attempts`,
        budget: Numbers.list,
        measured: list.watched.elapsedSeconds
      }),
      worstCase({
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
