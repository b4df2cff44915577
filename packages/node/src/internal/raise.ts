import type { StateBackend } from "@holdfast/core"

/** Above this no number that is found in damaged bytes is believed: below it, there is room for all that will be counted. */
export const mostBelieved = 2 ** 52

/** The value as it is, with numbers that are at least this: nobody who knows a later row can take it for his. */
export const raise = ({ stored, ...row }: StateBackend.Row, least: number): StateBackend.Row => {
  const version = Math.max(row.version, least)
  const fence = Math.max(row.fence, least)
  return { ...row, version, fence, stored: stored && { ...stored, version } }
}
