/** JSON knows no infinity, and a fault that never ends has it: such numbers become their names. */
export const toJson = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "number" && !Number.isFinite(part) ? String(part) : part
  )
