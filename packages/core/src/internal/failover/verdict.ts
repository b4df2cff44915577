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
