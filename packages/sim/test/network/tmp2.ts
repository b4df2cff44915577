import { Dice } from "../../src/internal/source.ts"
let long = 0, total = 0
const hist: Record<number, number> = {}
for (let seed = 0; seed < 20000; seed++) {
  const d = new Dice(seed ^ 0x5bd1e995)
  const draws = Array.from({length: 20}, () => d.below(1000))
  if (seed === 243) console.log(draws.join(" "))
  let run = 0
  for (const x of draws) { total++; if (x >= 700) run++; else { hist[run] = (hist[run] ?? 0) + 1; run = 0 } }
}
console.log(hist)
