// @ts-check

/**
 * The element of the page with this id.
 *
 * @template {Element} E
 * @param {string} id
 * @param {new () => E} type
 * @returns {E}
 */
export const element = (id, type) => {
  const found = document.getElementById(id)
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} #${id}`)
  return found
}

/**
 * A new element. Texts of the run only ever come in as `text`, so that nothing in them is read as markup.
 *
 * @type {(tag: string, options?: { text?: string, className?: string, children?: ReadonlyArray<Node>, click?: () => void }) => HTMLElement}
 */
export const make = (tag, { text, className, children, click } = {}) => {
  const made = document.createElement(tag)
  if (made instanceof HTMLButtonElement) made.type = "button"
  if (text !== undefined) made.textContent = text
  if (className !== undefined) made.className = className
  if (children !== undefined) made.append(...children)
  if (click !== undefined) made.addEventListener("click", click)
  return made
}

/**
 * A message of one line or more. What follows the first may be a drawing in letters.
 *
 * @type {(text: string) => Array<HTMLElement>}
 */
export const makeMessage = (text) => {
  const end = text.indexOf("\n")
  if (end < 0) return [make("span", { text })]
  return [make("span", { text: text.slice(0, end) }), make("pre", { text: text.slice(end + 1) })]
}

/** @type {(id: string) => any} */
export const readJson = (id) => JSON.parse(element(id, HTMLScriptElement).textContent ?? "")

/**
 * A canvas that is sharp on the screen it is on, and its size in CSS pixels.
 *
 * @type {(canvas: HTMLCanvasElement) => { g: CanvasRenderingContext2D, width: number, height: number }}
 */
export const sharp = (canvas) => {
  const { clientWidth: width, clientHeight: height } = canvas
  const ratio = globalThis.devicePixelRatio || 1
  const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)]
  if (canvas.width !== w) canvas.width = w
  if (canvas.height !== h) canvas.height = h
  const g = canvas.getContext("2d")
  if (g === null) throw new Error("This browser draws no canvas")
  g.setTransform(ratio, 0, 0, ratio, 0, 0)
  return { g, width, height }
}
