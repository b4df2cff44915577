/** What a process of the peer is to be. It tells and is told what a writer is. */
export interface PeerPlan {
  readonly directory: string
  readonly name: string
  /** A contest, or whoever has the lock and is killed with it, or whoever waits for that lock. */
  readonly job: "separately" | "together" | "hold" | "wait"
}
