/** Bytes that have arrived and were not read. */
export class Inbox {
  private chunks: Array<Uint8Array> = []
  size = 0

  push(bytes: Uint8Array): void {
    this.chunks.push(bytes)
    this.size += bytes.length
  }

  clear(): void {
    this.chunks = []
    this.size = 0
  }

  /** The next `size` bytes; there are as many. */
  take(size: number): Uint8Array {
    this.size -= size
    const first = this.chunks[0]
    if (first !== undefined && first.length === size) {
      this.chunks.shift()
      return first
    }
    const bytes = new Uint8Array(size)
    let filled = 0
    while (filled < size) filled += this.move(bytes, filled)
    return bytes
  }

  /** Moves bytes of the first chunk into `bytes` from `at` on, and says how many. */
  private move(bytes: Uint8Array, at: number): number {
    const head = this.chunks[0] ?? bytes
    const part = Math.min(head.length, bytes.length - at)
    bytes.set(head.subarray(0, part), at)
    if (part === head.length) this.chunks.shift()
    else this.chunks[0] = head.subarray(part)
    return part
  }
}
