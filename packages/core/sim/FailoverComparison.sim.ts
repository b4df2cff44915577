/** Failover beside the strategies of viem and ethers, on the same traces: what is always true of ours. */
import * as Check from "@holdfast/sim/Check"
import * as Suite from "@holdfast/sim/Suite"
import { Effect, Logger } from "effect"
import * as fc from "fast-check"
import { figuresOf } from "./support/failoverFigures.ts"
import { type Call, type Lived, live } from "./support/failoverLoad.ts"
import { type Strategy, strategies } from "./support/failoverStrategies.ts"
import { families, isWell, type Trace, traceOf } from "./support/failoverTraces.ts"

const lengthMillis = 40_000

/** Within which each of three endpoints was tried: an attempt may take 3.5 s by default. */
const allTriedMillis = 3 * 3500

/** An answer of a node that is well is there before the deadline of the patient ones. */
const wellMillis = 1000
const patient = allTriedMillis + wellMillis + 500

const ours = strategies.filter(({ isOurs }) => isOurs)
const peers = strategies.filter(({ isOurs }) => !isOurs)

const oneOf = (all: ReadonlyArray<Strategy>): fc.Arbitrary<Strategy> => fc.constantFrom(...all)

interface Workload {
  readonly patienceMillis: number
  readonly trace: Trace
  readonly own: Strategy
  readonly peer: Strategy
}

const workload: fc.Arbitrary<Workload> = fc.record({
  patienceMillis: fc.constantFrom(patient, patient, 3000, 700),
  trace: fc
    .tuple(fc.constantFrom(...families), fc.nat(1_000_000))
    .map(([family, seed]) => traceOf(family, seed, lengthMillis)),
  own: oneOf(ours),
  peer: oneOf(peers)
})

const words = ({ request, startMillis, tookMillis, end }: Call): string =>
  `${request.kind} ${request.id}, which began at ${startMillis} ms, is ${end} after ${tookMillis} ms`

const none = (guarantee: string, bad: ReadonlyArray<Call>, problem: string) =>
  Check.always(guarantee, bad.length === 0, () => `${problem}: ${bad.map(words).join("; ")}`)

/**
 * Reads of a patient caller that a node would have answered, had it been asked at any instant at which we may have asked
 * it.
 */
const answerable = ({ patienceMillis, trace }: Workload, { calls }: Lived): ReadonlyArray<Call> =>
  calls.filter(
    ({ request, startMillis }) =>
      patienceMillis === patient &&
      request.kind === "read" &&
      trace.nodes.some((phases) =>
        isWell(trace, phases, startMillis, startMillis + allTriedMillis, wellMillis)
      )
  )

const judge = (drawn: Workload, lived: Lived) =>
  Effect.gen(function* () {
    const { own, patienceMillis } = drawn
    const { applied, asked, calls } = lived
    const submissions = calls.filter(({ request }) => request.kind === "submission")
    const times = ({ request }: Call) => applied.get(request.id) ?? 0
    yield* none(
      "FV-7",
      submissions.filter((call) => times(call) > 1),
      "carried out twice"
    )
    yield* none(
      "FV-7",
      submissions.filter((call) => call.end === "Failed" && times(call) > 0),
      "carried out, and its caller was told that it was not"
    )
    yield* none(
      "FV-7",
      calls.filter(({ end, request }) => end === "Unknown" && request.kind === "read"),
      "what may be done twice is never unknown"
    )
    yield* none(
      "FV-6",
      calls.filter(({ tookMillis }) => tookMillis > patienceMillis),
      "longer than its deadline"
    )
    yield* none(
      "FV-11",
      calls.filter(({ request }) => (asked.get(request.id) ?? 0) > own.attempts),
      "sent more often than it may be"
    )
    yield* none(
      "FV-8",
      answerable(drawn, lived).filter(({ end }) => end !== "Answered"),
      "not answered, although a node was well"
    )
  })

/** What sets the peers apart, so that the traces are known to be able to tell. */
const reaches = {
  twice: "a peer carries out a submission twice, and we did not",
  misled: "a peer fails a submission that was carried out, and we told that it may have been",
  failed: "a peer fails a read although a node was well",
  late: "the slowest of our reads is at least ten times as fast as that of a peer"
}

const compare = (drawn: Workload, own: Lived, peer: Lived) =>
  Effect.gen(function* () {
    const [ourFigures, peerFigures] = [figuresOf([own]), figuresOf([peer])]
    const slowest = ({ calls }: Lived) => Math.max(...calls.map(({ tookMillis }) => tookMillis))
    yield* Check.sometimes(reaches.twice, peerFigures.submissions.twice > 0)
    yield* Check.sometimes(
      reaches.misled,
      peerFigures.submissions.failedButDone > 0 && ourFigures.submissions.unknown > 0
    )
    yield* Check.sometimes(
      reaches.failed,
      answerable(drawn, peer).some(({ end }) => end !== "Answered")
    )
    yield* Check.sometimes(reaches.late, slowest(own) * 10 <= slowest(peer))
  })

export const suites: ReadonlyArray<Suite.Suite> = [
  Suite.make({
    name: "Failover beside its peers",
    guarantees: ["FV-6", "FV-7", "FV-8", "FV-11"],
    arbitrary: workload,
    describe: ({ own, patienceMillis, peer, trace }) =>
      `"${trace.family}" of seed ${trace.seed}, lived through by ${own.name}, and by ${peer.name}, with callers that wait ` +
      `for ${patienceMillis} ms`,
    run: (drawn) =>
      Effect.gen(function* () {
        const { own, patienceMillis, peer, trace } = drawn
        const load = { readEveryMillis: 500, submitEveryMillis: 1000, patienceMillis }
        const lived = yield* live(own, trace, load)
        yield* judge(drawn, lived)
        yield* compare(drawn, lived, yield* live(peer, trace, load))
      }).pipe(Effect.provideService(Logger.CurrentLoggers, new Set<Logger.Logger<unknown, unknown>>())),
    reaches: Object.values(reaches)
  })
]
