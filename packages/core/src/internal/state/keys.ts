import { InvalidOptions } from "../../InvalidOptions.ts"

/** Long enough for a name with an id, and short enough for the name of a file. */
const maxLength = 200

/** Throws `InvalidOptions` for what no store can be asked to keep. */
export const checkKey = (module: string, key: string): void => {
  const problem =
    key === ""
      ? "must not be empty"
      : key.length > maxLength
        ? `must have at most ${maxLength} characters, but has ${key.length}`
        : key.isWellFormed()
          ? undefined
          : "must be well-formed Unicode, but has half of a surrogate pair"
  if (problem !== undefined) throw new InvalidOptions({ module, option: "key", problem })
}
