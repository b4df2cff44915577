import { assert, beforeAll, describe, it } from "vitest"
import {
  collect,
  examplesDir,
  fileName,
  problemsOf,
  root,
  runBoundMillis,
  runExample,
  type TypeErrors,
  typeCheck,
  writeProject
} from "../examples.ts"

const examples = collect(root)
let errors: TypeErrors = { byExample: new Map(), elsewhere: [] }

beforeAll(() => {
  writeProject(examplesDir, examples)
  errors = typeCheck(examplesDir, examples)
}, 120_000)

describe("the examples of the repository", () => {
  it("are not an empty set", () => {
    assert.isNotEmpty(examples)
  })

  it("meet no type error outside of themselves", () => {
    assert.strictEqual(errors.elsewhere.join("\n"), "")
  })

  it.for(examples.map((example) => [`${example.source}:${example.fence}`, example] as const))(
    "%s",
    { timeout: runBoundMillis + 10_000 },
    async ([, example]) => {
      const typeErrors = errors.byExample.get(fileName(example)) ?? []
      const problems =
        typeErrors.length > 0 ? typeErrors : problemsOf(example, await runExample(examplesDir, example))
      assert.strictEqual(problems.join("\n"), "")
    }
  )
})
