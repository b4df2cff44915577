/** Whose fault an error is: what decides over sending a request to another endpoint. */

export type Verdict<C = never> =
  /** The endpoint did not do it: nothing has happened, and another endpoint may be asked. */
  | { readonly _tag: "EndpointFault" }
  /** Every endpoint would answer the same: the error is the caller's, and never counts against the endpoint. */
  | { readonly _tag: "CallerFault"; readonly error: C }
  /** It may have been done, or not. */
  | { readonly _tag: "Unknown" }

export const endpointFault: Verdict = { _tag: "EndpointFault" }

export const unknown: Verdict = { _tag: "Unknown" }

export const callerFault = <C>(error: C): Verdict<C> => ({ _tag: "CallerFault", error })

/**
 * Tells of the errors that it knows, and may be asked about any. What is known stands twice, because the compiler resolves
 * a call by the first signature that fits, and infers from the last.
 */
export interface Classify<in K, out C> {
  (error: K): Verdict<C>
  <E>(error: E): Verdict<E>
  (error: K): Verdict<C>
}

/** What is not known may have been done. */
export const classifying = <K, C extends K>(
  isKnown: (error: unknown) => error is K,
  of: (error: K) => Verdict<C>
): Classify<K, C> => {
  const classify = (error: unknown): Verdict<unknown> => (isKnown(error) ? of(error) : unknown)
  // house: what a caller's fault holds is the very error that was asked about
  return classify as Classify<K, C>
}
