/** Numbers and times, for people. */

const grouped = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 })

export const count = (value: number): string => grouped.format(value)

/** Numbers that are only there to be compared, and may be very large. */
export const rough = (value: number): string => {
  if (value < 1e7) return count(value)
  return value < 1e9 ? `${(value / 1e6).toFixed(1)} M` : `${count(value / 1e9)} G`
}

/** Time in the unit that shows it best. */
export const duration = (millis: number): string => {
  const days = millis / 86_400_000
  if (millis < 59_950) return `${(millis / 1000).toFixed(1)} s`
  if (millis < 3_597_000) return `${(millis / 60_000).toFixed(1)} min`
  if (days < 2) return `${(millis / 3_600_000).toFixed(1)} h`
  return days < 3650 ? `${count(days)} d` : `${count(days / 365.25)} y`
}
