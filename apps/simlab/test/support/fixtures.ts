/** Suites for tests, each file on its own. */
import { join } from "node:path"
import { fileURLToPath } from "node:url"

const directory = join(import.meta.dirname, "../fixtures")

export const fixtures = {
  good: fileURLToPath(import.meta.resolve("../fixtures/good.sim.ts")),
  /** Good, bad and unseen. */
  several: join(directory, "{good,bad,unseen}.sim.ts"),
  bad: fileURLToPath(import.meta.resolve("../fixtures/bad.sim.ts")),
  unseen: fileURLToPath(import.meta.resolve("../fixtures/unseen.sim.ts")),
  endless: fileURLToPath(import.meta.resolve("../fixtures/endless.sim.ts")),
  exits: fileURLToPath(import.meta.resolve("../fixtures/exits.sim.ts")),
  hungry: fileURLToPath(import.meta.resolve("../fixtures/hungry.sim.ts")),
  throws: fileURLToPath(import.meta.resolve("../fixtures/throws.sim.ts")),
  broken: fileURLToPath(import.meta.resolve("../fixtures/broken.sim.ts")),
  nothing: fileURLToPath(import.meta.resolve("../fixtures/nothing.sim.ts")),
  slow: fileURLToPath(import.meta.resolve("../fixtures/slow.sim.ts")),
  dates: fileURLToPath(import.meta.resolve("../fixtures/dates.sim.ts")),
  primitive: fileURLToPath(import.meta.resolve("../fixtures/primitive.sim.ts")),
  empty: fileURLToPath(import.meta.resolve("../fixtures/empty.sim.ts")),
  shapeless: fileURLToPath(import.meta.resolve("../fixtures/shapeless.sim.ts")),
  twins: fileURLToPath(import.meta.resolve("../fixtures/twins.sim.ts"))
}
