/** What we use of it: it brings no types. */
declare module "fs-native-extensions" {
  const extensions: {
    readonly tryLock: (descriptor: number, options?: { readonly shared: boolean }) => boolean
    readonly unlock: (descriptor: number) => void
  }
  export default extensions
}
