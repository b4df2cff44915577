/** A port on which nothing listens, and that nobody else is given while this process lives. */
import { type AddressInfo, createConnection, createServer } from "node:net"

export const refusingPorts = async (): Promise<() => Promise<string>> => {
  const anchor = createServer()
  await new Promise<void>((resolve) => anchor.listen(0, "127.0.0.1", resolve))
  const { port } = anchor.address() as AddressInfo
  return async () => {
    // The near end of an open connection holds its port without listening on it.
    const socket = createConnection({ host: "127.0.0.1", port })
    await new Promise<void>((resolve, reject) => socket.once("connect", resolve).once("error", reject))
    return `http://127.0.0.1:${socket.localPort}`
  }
}
