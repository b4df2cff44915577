/** Whose fault an error is: what `Failover` makes of it. */

export type Verdict<C = never> =
  /** The endpoint did not do it, for certain: another one may be asked. */
  | { readonly _tag: "EndpointFault" }
  /** Every endpoint would say the same: the call fails with this error, and the endpoint is as good as before. */
  | { readonly _tag: "CallerFault"; readonly error: C }
  /** The endpoint failed, and may have done it nonetheless. */
  | { readonly _tag: "Unknown" }

export const endpointFault: Verdict = { _tag: "EndpointFault" }

export const unknown: Verdict = { _tag: "Unknown" }

export const callerFault = <C>(error: C): Verdict<C> => ({ _tag: "CallerFault", error })
