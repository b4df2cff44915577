/** What only native promises can do, by the name under which it is refused. */
import { Effect, FileSystem, Sink, Stream } from "effect"
import { Unsupported } from "../../SimulationError.ts"

/** Why a body cannot be sent; `undefined` when it can. */
export const refusedBody = (tag: string): Unsupported | undefined => {
  if (tag === "FormData") {
    return new Unsupported({
      what: "a FormData body",
      instead: "send the fields as URL parameters or JSON, or the encoded form as bytes"
    })
  }
  if (tag === "Raw") {
    return new Unsupported({
      what: "a Raw body (a web Response, a ReadableStream, a Blob)",
      instead: "send text, bytes or a Stream"
    })
  }
  return undefined
}

export const formDataOfResponse = Effect.suspend(() =>
  Effect.die(
    new Unsupported({ what: "reading a body as FormData", instead: "read its text, bytes or URL parameters" })
  )
)

export const upgrade = Effect.suspend(() =>
  Effect.die(
    new Unsupported({
      what: "an upgrade of an HTTP connection (a WebSocket)",
      instead: "connect the two hosts with a simulated socket"
    })
  )
)

export const webFile = Effect.suspend(() =>
  Effect.die(
    new Unsupported({
      what: "a response made of a web File or Blob",
      instead: "respond with bytes, a Stream, or a file of a simulated disk"
    })
  )
)

export const compression = Effect.suspend(() =>
  Effect.die(
    new Unsupported({ what: "compression of a response", instead: "let it travel as it is, as servers may" })
  )
)

const withoutDisk = () =>
  new Unsupported({ what: "a file system without a disk", instead: "provide a disk, such as Disk.layer" })

/** What an operation of a file system gives is told apart by its name; all others are effects. */
const refuse: Readonly<Record<string, () => unknown>> = {
  stream: () => Stream.suspend(() => Stream.die(withoutDisk())),
  watch: () => Stream.suspend(() => Stream.die(withoutDisk())),
  sink: () => Sink.unwrap(Effect.suspend(() => Effect.die(withoutDisk())))
}

const refuseEffect = () => Effect.suspend(() => Effect.die(withoutDisk()))

/** A file system that says that there is none, rather than that it is empty. */
export const noFileSystem: FileSystem.FileSystem = FileSystem.makeNoop(
  Object.fromEntries(
    Object.entries(FileSystem.makeNoop({})).flatMap(([key, value]) =>
      typeof value === "function" ? [[key, refuse[key] ?? refuseEffect]] : []
    )
  )
)
