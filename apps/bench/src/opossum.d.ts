/** opossum comes without types; this is what is used of it. */
declare module "opossum" {
  export default class CircuitBreaker<A> {
    constructor(action: () => Promise<A>, options: { readonly timeout: number })
    fire(): Promise<A>
  }
}
