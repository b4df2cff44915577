/** An open file, as Effect's `FileSystem` shows it. */
import { Effect, FileSystem, Option, type PlatformError } from "effect"
import type { Errno } from "./errno.ts"
import type { Kernel } from "./kernel.ts"
import type { Descriptor } from "./model.ts"
import { badArgument, checkPosition, checkSize, toInfo, toLength, toPlatformError } from "./platformError.ts"

type Result<A> = Effect.Effect<A, PlatformError.PlatformError>

/** The cursor is the handle's: reads and writes name their position, as those of the Node layer do. */
export class Handle implements FileSystem.File {
  readonly [FileSystem.FileTypeId] = FileSystem.FileTypeId
  private readonly kernel: Kernel
  private readonly descriptor: Descriptor
  private position = 0n

  constructor(kernel: Kernel, descriptor: Descriptor) {
    this.kernel = kernel
    this.descriptor = descriptor
  }

  private during(method: string) {
    return <A>(effect: Effect.Effect<A, Errno>): Result<A> =>
      Effect.mapError(effect, toPlatformError(method, this.descriptor.number))
  }

  get stat(): Result<FileSystem.File.Info> {
    return Effect.map(this.kernel.fstat(this.descriptor), toInfo).pipe(this.during("stat"))
  }

  get sync(): Result<void> {
    return this.kernel.fsync(this.descriptor).pipe(this.during("sync"))
  }

  seek(offset: bigint, from: FileSystem.SeekMode): Result<bigint> {
    return Effect.suspend(() => {
      const position = from === "start" ? offset : this.position + offset
      if (position < 0n) return Effect.fail(badArgument("seek", "a position before the start of the file"))
      this.position = position
      return Effect.succeed(position)
    })
  }

  private readAt(method: string, size: number, explicit: bigint | undefined): Result<Uint8Array> {
    return Effect.suspend(() => {
      const position = explicit ?? this.position
      const bytes =
        // Node does not ask the system for nothing.
        size === 0
          ? Effect.succeed(new Uint8Array(0))
          : this.kernel.read(this.descriptor, Number(position), size).pipe(
              this.during(method),
              Effect.tap((bytes) => {
                if (explicit === undefined) this.position = position + BigInt(bytes.length)
                return Effect.void
              })
            )
      return Effect.andThen(checkPosition(method, position, size), bytes)
    })
  }

  read(buffer: Uint8Array, options?: FileSystem.File.ReadOptions): Result<number> {
    return Effect.map(this.readAt("read", buffer.length, options?.position), (bytes) => {
      buffer.set(bytes)
      return bytes.length
    })
  }

  readAlloc(size: number, options?: FileSystem.File.ReadOptions): Result<Option.Option<Uint8Array>> {
    return Effect.andThen(
      checkSize("readAlloc", size),
      Effect.map(this.readAt("readAlloc", size, options?.position), (bytes) =>
        bytes.length === 0 ? Option.none() : Option.some(bytes)
      )
    )
  }

  truncate(length = 0): Result<void> {
    return Effect.flatMap(toLength("truncate", length), (end) =>
      Effect.map(this.kernel.ftruncate(this.descriptor, end).pipe(this.during("truncate")), () => {
        if (!this.descriptor.append && this.position > BigInt(end)) this.position = BigInt(end)
      })
    )
  }

  private writeAt(method: string, buffer: Uint8Array): Result<number> {
    return Effect.suspend(() => {
      const { position } = this
      if (position > BigInt(Number.MAX_SAFE_INTEGER)) {
        return Effect.fail(badArgument(method, "position exceeds the safe integer range"))
      }
      return this.kernel.write(this.descriptor, Number(position), buffer).pipe(
        this.during(method),
        Effect.tap((count) => {
          if (!this.descriptor.append) this.position = position + BigInt(count)
          return Effect.void
        })
      )
    })
  }

  write(buffer: Uint8Array): Result<number> {
    return this.writeAt("write", buffer)
  }

  writeAll(buffer: Uint8Array): Result<void> {
    if (buffer.length === 0) return Effect.void
    return Effect.flatMap(this.writeAt("writeAll", buffer), (count) => this.writeAll(buffer.subarray(count)))
  }
}
