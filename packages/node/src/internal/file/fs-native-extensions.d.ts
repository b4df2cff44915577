/** What we use of it: it brings no types. */
declare module "fs-native-extensions" {
  const extensions: {
    readonly tryLock: (descriptor: number) => boolean
    readonly unlock: (descriptor: number) => void
  }
  export default extensions
}
