/**
 * Loaded into the process of an example before the example itself: makes `console.log` say on which
 * line it was called, so that what is printed finds its `// =>`, in whatever order things happen.
 *
 * @since 0.1.0
 */
import { pathToFileURL } from "node:url"
import { format, getCallSites } from "node:util"

const example = pathToFileURL(process.argv[1] ?? "").href
const mark = process.env.EXAMPLE_PRINT_MARK ?? ""

console.log = (...args: ReadonlyArray<unknown>) => {
  const caller = getCallSites(2)[1]
  const line = caller?.scriptName === example ? caller.lineNumber : null
  process.stdout.write(`${mark}${JSON.stringify({ line, text: format(...args) })}\n`)
}

// An example leads its own process group, so it does not get the Ctrl-C that ends the test run.
process.once("disconnect", () => process.exit(1))
process.channel?.unref()
