/** The network of a run: its links, and what each machine's operating system knows of it. */
import type { Conditions } from "../../Network.ts"
import type { Driver } from "../driver.ts"
import { HostState } from "../host.ts"
import { isOwnName, type Machines, machines } from "../machine.ts"
import { defaultShape, loopbackShape, type Shape, shapeOf } from "./conditions.ts"
import { Link } from "./link.ts"
import { Stack } from "./stack.ts"

export class Net {
  readonly driver: Driver
  /**
   * Where messages arrive. It is no host: it never stops, and no fiber runs on it. What it has to tell a host it posts
   * there.
   */
  readonly wire: HostState
  defaultShape: Shape = defaultShape
  /** The hosts that are cut off, and by what. */
  private readonly isolations = new Map<string, Set<unknown>>()
  private readonly machines: Machines
  private readonly links = new Map<string, Map<string, Link>>()
  private readonly stacks = new Map<string, Stack>()
  private readonly addresses = new Map<string, string>()
  private readonly names = new Map<string, string>()
  private messages = 0

  constructor(driver: Driver) {
    this.driver = driver
    this.machines = machines(driver)
    this.wire = new HostState(driver, "network", 0)
  }

  /** The present life of a machine. */
  life(name: string): HostState | undefined {
    return this.machines.get(name)?.state
  }

  /** Links are directed, and made when something first uses them: few of all pairs ever talk. */
  link(from: string, to: string): Link {
    let fromHere = this.links.get(from)
    if (fromHere === undefined) {
      fromHere = new Map()
      this.links.set(from, fromHere)
    }
    let link = fromHere.get(to)
    if (link === undefined) {
      link = new Link(this, from, to)
      fromHere.set(to, link)
    }
    return link
  }

  allLinks(): ReadonlyArray<Link> {
    return Array.from(this.links.values()).flatMap((links) => Array.from(links.values()))
  }

  setDefault(conditions: Conditions): void {
    this.defaultShape = shapeOf(conditions, defaultShape)
    for (const link of this.allLinks()) link.update()
  }

  isIsolated(host: string): boolean {
    return this.isolations.size > 0 && this.isolations.has(host)
  }

  /** Cuts a host off until all that did so have let it rejoin. */
  isolate(host: string, by: unknown): void {
    const all = this.isolations.get(host) ?? new Set()
    this.isolations.set(host, all.add(by))
  }

  rejoin(host: string, by: unknown): void {
    const all = this.isolations.get(host)
    if (all?.delete(by) === true && all.size === 0) this.isolations.delete(host)
  }

  heal(): void {
    this.isolations.clear()
    for (const link of this.allLinks()) link.heal()
  }

  /** The shape of a link that has no conditions of its own. */
  baseOf(link: Link): Shape {
    return link.from === link.to ? loopbackShape : this.defaultShape
  }

  /** The ports of one life: those of an earlier life are free again. */
  stack(life: HostState): Stack {
    const known = this.stacks.get(life.name)
    if (known !== undefined && known.life === life) return known
    if (known === undefined) this.machines.get(life.name)?.onCrash.push(() => this.notice(life.name))
    const fresh = new Stack(this, life)
    this.stacks.set(life.name, fresh)
    return fresh
  }

  /** A host has crashed: whoever waits for it to make room must find out. */
  private notice(host: string): void {
    for (const link of this.allLinks()) {
      if (link.from !== host && link.to !== host) continue
      for (const client of link.connections) {
        for (const end of [client, client.peer]) if (end.local.host !== host) end.probe()
      }
    }
  }

  /** Numbers the messages of a run, so that its events can be joined. */
  nextMessage(): number {
    return ++this.messages
  }

  /** A host's number on the network, given out in the order of asking. */
  ipOf(name: string): string {
    const known = this.addresses.get(name)
    if (known !== undefined) return known
    const count = this.addresses.size + 1
    const ip = `10.${count >> 16}.${(count >> 8) & 255}.${count & 255}`
    this.addresses.set(name, ip)
    this.names.set(ip, name)
    return ip
  }

  /** The machine that a name or a number stands for, seen from a host. */
  resolve(host: string, from: HostState): string | undefined {
    if (isOwnName(host)) return from.name
    const name = this.names.get(host) ?? host
    return this.machines.get(name) === undefined ? undefined : name
  }
}

/** Kept beside the driver, so that a run without a network makes none. */
const nets = new WeakMap<Driver, Net>()

export const netOf = (driver: Driver): Net => {
  const known = nets.get(driver)
  if (known !== undefined) return known
  const made = new Net(driver)
  nets.set(driver, made)
  return made
}
