import { ClipError } from "@clip-ts/base";

const unbounded = new Set(["eps", "weightDecay", "rounds"]);

/** Refuses numbers no optimiser can work with: all are 0 or more, the betas and the momentum below 1. */
export function checkConfig(config: object): void {
  for (const [name, value] of Object.entries(config) as [string, unknown][]) {
    if (typeof value !== "number") continue;
    const limit = unbounded.has(name) ? Infinity : 1;
    if (value >= 0 && value < limit) continue;
    const range = limit === 1 ? "at least 0 and below 1" : "a finite number of at least 0";
    throw new ClipError("bad-config", `${name}: expected ${range}, got ${value}.`, {
      data: { name, value },
    });
  }
}
