/** Numbers that users give. One that compares with no other would be a limit that is never reached. */

/** Refuses what is no limit. */
export const limit = (name: string, value: number): number => {
  if (value >= 0) return value
  throw new RangeError(`${name} must be a number of at least 0, but is ${value}`)
}

/** Refuses what is not whole, or not exact. */
export const whole = (name: string, value: number): number => {
  if (Number.isSafeInteger(value)) return value
  throw new RangeError(`${name} must be a whole number, but is ${value}`)
}
