/**
 * Runs what belongs to somebody else, as the callbacks of a fiber that is resumed do: what it throws must neither end who
 * runs it, nor keep the others waiting. It stays an uncaught exception, as it would be anywhere else.
 */
export const apart = (f: () => void): void => {
  try {
    f()
  } catch (error) {
    // house: nobody is on the stack there who could take it for his own error
    queueMicrotask(() => {
      throw error
    })
  }
}
