/** Where a writer can be told to stop, so that it is killed there and nowhere else. */
import { tell, waitForDeath } from "./lines.ts"
import type { Point } from "./Wire.ts"

export class Points {
  private next: Point | undefined

  constructor(next: Point | undefined) {
    this.next = next
  }

  stopAt(point: Point): void {
    this.next = point
  }

  isNext(point: Point): boolean {
    return this.next === point
  }

  readonly reach = (point: Point): void => {
    if (this.next !== point) return
    tell({ tag: "stopped", point })
    waitForDeath()
  }
}
