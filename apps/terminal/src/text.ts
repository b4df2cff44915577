/** Colours and widths of texts for a terminal. */

export interface Style {
  readonly columns: number
  readonly color: boolean
}

export type Colour = "green" | "red" | "yellow" | "cyan" | "dim" | "bold"

const codes: Record<Colour, readonly [number, number]> = {
  green: [32, 39],
  red: [31, 39],
  yellow: [33, 39],
  cyan: [36, 39],
  dim: [2, 22],
  bold: [1, 22]
}

export const paint = (style: Style, colour: Colour, text: string): string => {
  const [on, off] = codes[colour]
  return style.color && text !== "" ? `\u001b[${on}m${text}\u001b[${off}m` : text
}

/** Cut to a width, with an ellipsis where something is missing. For text without colours. */
export const cut = (text: string, width: number): string =>
  text.length <= width ? text : `${text.slice(0, Math.max(width - 1, 0))}…`.slice(0, Math.max(width, 0))

/** As wide as that, whatever the text. */
export const cell = (text: string, width: number): string => cut(text, width).padEnd(width)

/** Broken at spaces into lines of at most `width`; a word that is longer is cut. */
export const wrap = (text: string, width: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of text.split(" ")) {
    const next = line === "" ? word : `${line} ${word}`
    if (next.length <= width) {
      line = next
      continue
    }
    if (line !== "") lines.push(line)
    line = word
    while (line.length > width) {
      lines.push(line.slice(0, width))
      line = line.slice(width)
    }
  }
  return [...lines, line]
}
