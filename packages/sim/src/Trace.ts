/**
 * What happened in a run, as data: printed after a failure, drawn as a timeline, and hashed to compare two runs.
 *
 * @since 0.1.0
 */

/**
 * What an event is about.
 *
 * **Details**
 *
 * - `run`: the run begins or ends.
 * - `fiber`: a fiber starts or ends (`data.phase` is `"start"` or `"end"`).
 * - `host`: a host starts, crashes, restarts, pauses, resumes (`data.phase`).
 * - `message`: something travels over the network (`data.phase` is `"send"`, `"deliver"` or `"drop"`; `data.id` joins
 *   the phases of one message; `data.from` and `data.to` are names of hosts).
 * - `disk`: an operation on a disk.
 * - `fault`: a fault took effect (`data.fault` is its kind).
 * - `log`: something was logged, or printed to the console.
 * - `note`: something that a test wants to see, such as a deadline or an outcome.
 * - `check`: an oracle failed.
 *
 * @since 0.1.0
 * @category models
 */
export type Kind = "run" | "fiber" | "host" | "message" | "disk" | "fault" | "log" | "note" | "check"

/**
 * One thing that happened.
 *
 * **Details**
 *
 * `atNanos` is true time since the start of the run, whatever the clocks of hosts show. `host` is `"main"` for the
 * program itself. `fiber` counts from 1 in the order in which fibers started in this run.
 *
 * @since 0.1.0
 * @category models
 */
export interface Event {
  readonly atNanos: number
  readonly host: string
  readonly fiber: number | undefined
  readonly kind: Kind
  readonly text: string
  readonly data: Readonly<Record<string, string | number | boolean>> | undefined
}
