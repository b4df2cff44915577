/** A process that uses a register over proper-lockfile and write-file-atomic. */
import { flushCompileCache } from "node:module"
import { contestKeys } from "../contestKeys.ts"
import { listen, tell, waitForDeath } from "../writer/lines.ts"
import type { Heard } from "../writer/Wire.ts"
import { prepare, separately, type TryAcquire, take, together } from "./Register.ts"
import type { PeerPlan } from "./Wire.ts"

const heard: Partial<Record<Heard["tag"], () => void>> = {}
const wasTold = (tag: Heard["tag"]) =>
  new Promise<void>((resolve) => {
    heard[tag] = resolve
  })
const go = wasTold("go")
const end = wasTold("end")
listen<Heard>(({ tag }) => heard[tag]?.())

const { directory, job, name }: PeerPlan = JSON.parse(process.argv[2] ?? "")

const contest = async (file: string, tryAcquire: TryAcquire): Promise<void> => {
  for (const key of contestKeys(name)) tell({ tag: "tried", key, isWinner: await tryAcquire(file, key) })
  tell({ tag: "done" })
  await end
}

const main = async (): Promise<void> => {
  const file = await prepare(directory)
  flushCompileCache()
  tell({ tag: "ready", slot: 0, fence: 0 })
  await go
  if (job === "separately" || job === "together") {
    await contest(file, job === "separately" ? separately : together)
  } else {
    await take(file)
    tell({ tag: "won", key: "the lock" })
    if (job === "hold") waitForDeath()
  }
}

await main().catch((error: unknown) => tell({ tag: "failed", text: String(error) }))
process.exit()
