/** The endpoints of a configuration. */
import { Array as Arr, Result } from "effect"
import { Url } from "effect/http"
import { InvalidOptions } from "../../InvalidOptions.ts"

const problemOf = (problem: string) => new InvalidOptions({ module: "Failover", option: "urls", problem })

/** A slash at the end of a path; what follows a path may hold a key that ends with one. */
const withoutSlash = ({ hash, href, search }: URL): string =>
  search === "" && hash === "" ? href.replace(/\/+$/, "") : href

/** As it is compared, and given on: without white space around it, and without a slash at its end. */
const normalized = (text: string, index: number): URL => {
  const url = Url.fromString(text)
  // It may hold a key: only its place is told.
  if (Result.isFailure(url)) throw problemOf(`must be URLs, but number ${index + 1} is none`)
  return url.success
}

/** Hosts, because keys are found in paths, queries and user names; numbered where one has several URLs. */
const idOf = (url: URL, before: ReadonlyArray<URL>): string => {
  const same = before.filter(({ host }) => host === url.host).length
  return same === 0 ? url.host : `${url.host}#${same + 1}`
}

/** The distinct URLs among those that are not blank, with an id for each. */
export const distinctUrls = (
  urls: ReadonlyArray<string>
): Arr.NonEmptyReadonlyArray<{ readonly id: string; readonly url: string }> => {
  const parsed = urls.flatMap((text, index) => (text.trim() === "" ? [] : [normalized(text.trim(), index)]))
  const distinct = parsed.filter(
    (url, index) => parsed.findIndex((other) => withoutSlash(other) === withoutSlash(url)) === index
  )
  const found = distinct.map((url, index) => ({
    id: idOf(url, distinct.slice(0, index)),
    url: withoutSlash(url)
  }))
  if (!Arr.isReadonlyArrayNonEmpty(found)) throw problemOf("must have one URL at least, but all are blank")
  return found
}
