/** A register on one host, written and read by clients over a network that loses, delays, repeats and is cut. */
import { Check, FaultPlan, Host, Linearizability, Network, Suite } from "@holdfast/sim"
import { Effect, Queue } from "effect"
import * as fc from "fast-check"

const port = 7
const patience = "200 millis"

type Command = Linearizability.RegisterInput<number>

/** `id` makes a command that is sent again the same command. */
interface Request {
  readonly id: string
  readonly command: Command
}

interface Response {
  readonly id: string
  readonly output: unknown
}

/** Carries out each command once, and answers as often as it is asked. */
const server = Effect.gen(function* () {
  const mailbox = yield* Network.mailbox<Request>(port)
  const answered = new Map<string, unknown>()
  let value = 0
  while (true) {
    const { from, payload } = yield* Queue.take(mailbox.messages)
    if (!answered.has(payload.id)) {
      if (payload.command._tag === "Write") value = payload.command.value
      answered.set(payload.id, payload.command._tag === "Read" ? value : undefined)
    }
    yield* mailbox.send(from, { id: payload.id, output: answered.get(payload.id) } satisfies Response)
  }
})

/** Asks again until there is an answer to this very command. */
const ask = (mailbox: Network.Mailbox<Response>, request: Request) => {
  const answer = Effect.gen(function* () {
    while (true) {
      const { payload } = yield* Queue.take(mailbox.messages)
      if (payload.id === request.id) return payload.output
    }
  })
  return mailbox.send({ host: "register", port }, request).pipe(
    Effect.andThen(Effect.timeoutOption(answer, patience)),
    Effect.tap((answered) => Check.sometimes("a command is sent again", answered._tag === "None")),
    Effect.repeat({ until: (answered) => answered._tag === "Some" }),
    Effect.map((answered) => (answered._tag === "Some" ? answered.value : undefined))
  )
}

interface Workload {
  readonly clients: ReadonlyArray<ReadonlyArray<Command>>
  readonly loss: number
  readonly duplication: number
}

const run = ({ clients, duplication, loss }: Workload) =>
  Effect.gen(function* () {
    yield* Network.setDefault({
      latency: { min: "1 millis", max: "20 millis" },
      loss,
      duplication,
      reordering: loss
    })
    yield* Host.make("register", server)
    const recorder = yield* Linearizability.recorder(Linearizability.register(0))
    let done = 0
    const client = (commands: ReadonlyArray<Command>, index: number) =>
      Effect.gen(function* () {
        const mailbox = yield* Network.mailbox<Response>(0)
        for (const [number, command] of commands.entries()) {
          const request = { id: `${index}-${number}`, command }
          yield* recorder.record(`client ${index}`, command, ask(mailbox, request))
        }
        done++
      })
    const hosts = yield* Effect.forEach(clients, (commands, index) =>
      Host.make(`client ${index}`, client(commands, index))
    )
    // Liveness: when the world is whole again, everybody gets answers.
    yield* Effect.sleep("5 seconds")
    yield* FaultPlan.healAll
    yield* Network.setDefault({ loss: 0, duplication: 0, reordering: 0 })
    yield* Check.converges(
      "SIM-4",
      "1 minute",
      Effect.sync(() => done === hosts.length)
    )
    yield* Check.linearizable("SIM-4", yield* recorder.verdict())
  })

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.constant({ _tag: "Read" } as const),
  fc.record({ _tag: fc.constant("Write" as const), value: fc.integer({ min: 1, max: 5 }) })
)

const register = Suite.make<Workload>({
  name: "a register over a bad network",
  guarantees: ["SIM-4"],
  arbitrary: fc.record({
    clients: fc.array(fc.array(command, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
    loss: fc.constantFrom(0, 0.1, 0.5),
    duplication: fc.constantFrom(0, 0.2)
  }),
  faults: FaultPlan.arbitrary({
    hosts: ["register"],
    links: [
      ["client 0", "register"],
      ["register", "client 0"]
    ],
    kinds: ["Pause", "Partition", "Hold", "Slow", "Lossy"],
    withinMillis: 2000
  }),
  run,
  reaches: ["a command is sent again", "a verdict on the linearizability of SIM-4"]
})

export const suites = [register]
