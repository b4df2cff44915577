export * as FileLock from "./FileLock.ts"
