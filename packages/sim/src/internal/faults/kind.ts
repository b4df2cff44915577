import type { Fault } from "../../FaultPlan.ts"

/** The kind under which a run counts a fault when it has done something. */
export const kindOf = (fault: Fault): string => {
  switch (fault._tag) {
    case "Crash":
      return "crash"
    case "Pause":
      return "pause"
    case "Skew":
      return "skew"
    case "Point":
      return `point ${fault.point}`
    case "Partition":
    case "Isolate":
      return "partition"
    case "Hold":
      return "hold"
    case "Reset":
      return "reset"
    case "Slow":
      return "latency"
    case "DiskFailure":
      return `disk.${fault.code}`
    case "Lossy":
      return "loss"
  }
}
