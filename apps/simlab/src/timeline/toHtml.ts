import { createHash } from "node:crypto"
import { readFileSync } from "node:fs"
import { toJson } from "./json.ts"
import { modelOf } from "./Model.ts"
import type { Run } from "./Run.ts"

/** In the order of their dependencies: `bundle` puts them one after the other into one scope. */
const modules = [
  "time",
  "scale",
  "rows",
  "curve",
  "shapes",
  "lanes",
  "bands",
  "marks",
  "flights",
  "draw",
  "hits",
  "dom",
  "overview",
  "panel",
  "view",
  "main"
]

const read = (name: string): string => readFileSync(new URL(`./page/${name}`, import.meta.url), "utf8")

/**
 * The modules of the page as one script. Those are written to need no more than this: no default exports, no renaming,
 * and no name at the top level of two modules (the script would not parse).
 */
const bundle = (): string =>
  modules
    .map((name) => read(`${name}.js`))
    .join("\n")
    .replaceAll(/^import\b[^"]*"[^"]*"\n/gm, "")
    .replaceAll(/^export (?=const|class)/gm, "")

/** JSON that cannot end the script element in which it stands, nor open a comment there. */
const toScriptJson = (value: unknown): string => toJson(value).replaceAll("<", "\\u003c")

const toText = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`)

/**
 * A page that shows the run as a timeline, in one file that needs no network.
 *
 * **Details**
 *
 * What the run says is only ever text: it stands in the page as escaped JSON, and the page's policy lets no script run
 * but its own, and nothing be loaded.
 */
export const toHtml = (run: Run): string => {
  const script = bundle()
  const allowed = `'sha256-${createHash("sha256").update(script).digest("base64")}'`
  const policy = `default-src 'none'; style-src 'unsafe-inline'; script-src ${allowed}; base-uri 'none'`
  const { events, ...model } = modelOf(run)
  const parts: Record<string, string> = {
    head: `<meta http-equiv="Content-Security-Policy" content="${policy}">
<title>${toText(`${run.failure === undefined ? "" : "✗ "}${run.title} · ${run.suite}`)}</title>
<style>${read("page.css")}</style>`,
    scripts: `<script type="application/json" id="run">${toScriptJson({ ...run, events })}</script>
<script type="application/json" id="model">${toScriptJson(model)}</script>
<script type="module">${script}</script>`
  }
  return read("page.html").replaceAll(/<!-- (\w+) -->/g, (_, name: string) => parts[name] ?? "")
}
