/** What is used of the package, which has no types of its own. */
declare module "fs-native-extensions" {
  /** Takes the exclusive lock of an open file, unless another open file has it. */
  export const tryLock: (descriptor: number) => boolean
}
