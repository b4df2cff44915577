export * as Deadline from "./Deadline.ts"
export { InvalidOptions } from "./InvalidOptions.ts"
