/**
 * A server with a full backlog: a connect to it neither succeeds nor fails.
 *
 * A thread listens with the smallest backlog and then blocks, so that nothing is ever accepted; connections are
 * made until one of them hangs. On Linux and macOS the kernel drops the handshake of a connect to a full queue
 * and the client waits. Windows refuses it instead, and another platform may accept it: what happens here is
 * tried, and reported, not assumed.
 */
import { createConnection, type Socket } from "node:net"
import { Worker } from "node:worker_threads"

export type Nature = "hangs" | "refuses" | "accepts"

/** A connect on loopback takes less than a millisecond; one that takes this long is going nowhere. */
const hangMillis = 300

/** More than any platform makes of a backlog of 1. */
const fillersMax = 16

export const openBlackHole = async (): Promise<{ readonly url: string; readonly nature: Nature }> => {
  const worker = new Worker(new URL("./blackHoleThread.ts", import.meta.url))
  const port = await new Promise<number>((resolve, reject) => {
    worker.once("message", resolve)
    worker.once("error", reject)
  })
  return { url: `http://127.0.0.1:${port}`, nature: await fill(port) }
}

const fill = async (port: number): Promise<Nature> => {
  for (let filler = 0; filler < fillersMax; filler++) {
    const { outcome, socket } = await tryConnect(port)
    if (outcome === "connected") continue
    socket.destroy()
    return outcome
  }
  return "accepts"
}

const tryConnect = (port: number) =>
  new Promise<{ readonly outcome: "connected" | "refuses" | "hangs"; readonly socket: Socket }>((resolve) => {
    const socket = createConnection({ host: "127.0.0.1", port })
    // The second step lets a connect that is ready be seen first, should this process have been held up.
    const timer = setTimeout(() => setImmediate(() => resolve({ outcome: "hangs", socket })), hangMillis)
    socket.once("connect", () => {
      clearTimeout(timer)
      resolve({ outcome: "connected", socket })
    })
    socket.on("error", () => {
      clearTimeout(timer)
      resolve({ outcome: "refuses", socket })
    })
  })
