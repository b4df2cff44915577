/** Packs every package as it would be published, and checks the tarballs. Wants `dist`. */
import { globSync } from "node:fs"
import { basename, resolve } from "node:path"
import { packages, run } from "./workspace.ts"

const tarball = resolve("node_modules/.cache/package.tgz")

/** Named one by one, because attw does not expand `./*`. */
const entrypoints = (folder: string): ReadonlyArray<string> =>
  globSync(`${folder}/src/*.ts`)
    .map((file) => basename(file, ".ts"))
    .map((module) => (module === "index" ? "." : module))
    .sort()

for (const folder of packages) {
  run("pnpm", ["--dir", folder, "pack", "--out", tarball])
  run("publint", ["run", tarball, "--strict"])
  run("attw", [
    tarball,
    "--profile",
    "esm-only",
    "--format",
    "ascii",
    "--no-emoji",
    "--no-color",
    "--entrypoints",
    ...entrypoints(folder)
  ])
}
