export * as FileLock from "./FileLock.ts"
export * as FileStateStore from "./FileStateStore.ts"
