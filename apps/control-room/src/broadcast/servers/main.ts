/**
 * The process that runs the servers of the demo.
 *
 * It takes the list of servers as its one argument, prints where they listen as one line of JSON, and lives until
 * its standard input closes: whichever way the parent ends, even by SIGKILL, nothing stays behind.
 */
import { at } from "../../at.ts"
import { type Nature, openBlackHole } from "./blackHole.ts"
import { openControl } from "./control.ts"
import { listen } from "./listen.ts"
import { refusingPorts } from "./refuse.ts"
import type { Ready, ServerSpec } from "./Wire.ts"
import { Witness } from "./Witness.ts"

process.stdin
  .on("error", () => process.exit(0))
  .on("close", () => process.exit(0))
  .resume()

const specs = JSON.parse(process.argv[2] ?? "[]") as ReadonlyArray<ServerSpec>

const witnesses = specs.map(() => new Witness())
const control = await openControl(witnesses)
const nextRefusing = await refusingPorts()
const natures: Array<Nature> = []

const rosterOf = (group: string) =>
  specs.flatMap((spec, index) => (spec.group === group ? [{ name: spec.name, url: urls[index] ?? "" }] : []))

const open = async (spec: ServerSpec, witness: Witness): Promise<string> => {
  switch (spec.behaviour._tag) {
    case "Refusing":
      return nextRefusing()
    case "BlackHoled": {
      const { nature, url } = await openBlackHole()
      natures.push(nature)
      return url
    }
    default:
      return listen(spec, witness, () => rosterOf(spec.group))
  }
}

const urls = await Promise.all(specs.map((spec, index) => open(spec, at(witnesses, index))))
const ready: Ready = {
  control,
  urls,
  blackHole: natures.find((nature) => nature !== "hangs") ?? natures[0] ?? "none"
}
process.stdout.write(`${JSON.stringify(ready)}\n`)
