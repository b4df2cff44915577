export * as FileLock from "./FileLock.ts"
export * as SqliteStateStore from "./SqliteStateStore.ts"
