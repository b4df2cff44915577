import { assert, describe, it } from "@effect/vitest"
import { Templates } from "../../src/relay/provider/Templates.ts"

const pool = {}
const other = {}

const begun = (generation: number): Templates => {
  const templates = new Templates()
  templates.begin(generation)
  return templates
}

describe("the templates of the relay", () => {
  it("ids increase over generations and pools", () => {
    const templates = begun(1)
    const first = templates.add(1, pool, { height: 7 })
    const second = templates.add(1, other, { height: 7 })
    templates.end(1)
    templates.begin(2)
    const third = templates.add(2, pool, { height: 7 })
    assert.deepStrictEqual([first?.id, second?.id, third?.id], [1, 2, 3])
  })

  it("a template of a generation that is gone is not taken, before and after the next has begun", () => {
    const templates = begun(1)
    templates.end(1)
    assert.isUndefined(templates.add(1, pool, { height: 7 }))
    templates.begin(2)
    assert.isUndefined(templates.add(1, pool, { height: 7 }))
    assert.strictEqual(templates.size, 0)
  })

  it("the end of a generation drops all of it and says how many, and a late one drops nothing", () => {
    const templates = begun(1)
    const template = templates.add(1, pool, { height: 7 })
    templates.add(1, other, { height: 7 })
    assert.strictEqual(templates.end(1), 2)
    assert.isUndefined(templates.get(template?.id ?? 0))
    assert.strictEqual(templates.end(1), 0)
    templates.begin(2)
    templates.add(2, pool, { height: 8 })
    assert.strictEqual(templates.end(1), 0)
    assert.strictEqual(templates.size, 1)
  })

  it("a pool that goes takes its templates with it, and no others", () => {
    const templates = begun(1)
    const own = templates.add(1, pool, { height: 7 })
    const others = templates.add(1, other, { height: 7 })
    templates.forget(pool)
    assert.isUndefined(templates.get(own?.id ?? 0))
    assert.deepStrictEqual(templates.get(others?.id ?? 0), others)
  })

  it("a pool that stays for ever is kept the last eight", () => {
    const templates = begun(1)
    for (let height = 1; height <= 100; height++) templates.add(1, pool, { height })
    templates.add(1, other, { height: 100 })
    assert.strictEqual(templates.size, 9)
    assert.isUndefined(templates.get(92))
    assert.deepStrictEqual(templates.get(93), { id: 93, height: 93 })
  })
})
