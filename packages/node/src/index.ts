export * as FileLock from "./FileLock.ts"
export * as FileStateStore from "./FileStateStore.ts"
export * as SqliteStateStore from "./SqliteStateStore.ts"
