/** Texts about what comes from a program under test. To look at it may throw: a getter, a proxy, a `toJSON`. */

export const attempt = <A>(look: () => A, otherwise: A): A => {
  try {
    return look()
  } catch {
    return otherwise
  }
}

/** Of something that was thrown. */
export const printed = (error: unknown): string => attempt(() => String(error), "what cannot be printed")
