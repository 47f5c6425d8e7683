import { checkSkipped, createTally, skipLimit, type LeftOut, type MaxSkipped, type SkippedImage } from "@clip-ts/data";
import type { Communicator } from "@clip-ts/distributed";
import { note } from "../cli/output.ts";
import { gatherJson } from "./messages.ts";

/** What pairs there are, and how many of them may be unusable. */
export interface SkipLimit {
  /** Names the data. */
  readonly label: string;
  readonly total: number;
  readonly maxSkipped: MaxSkipped | undefined;
}

/** The pairs that some rank could not use, each counted once. Each rank sees its own rows of each batch. */
export interface SharedSkips {
  /** Notes one that this rank found. */
  readonly found: (skipped: SkippedImage) => void;
  /** How many it found that the others have not heard of. */
  readonly untold: () => number;
  /** All ranks tell each other. @throws ClipError "bad-data" on all of them where there are more than may be. */
  readonly share: () => Promise<void>;
  /** What others found and this rank did not, counted by reason. */
  readonly ofOthers: () => LeftOut[];
}

/** None yet. */
export function createSharedSkips(ranks: Communicator, limits: SkipLimit | undefined): SharedSkips {
  const own = new Set<string>();
  const all = new Map<string, SkippedImage>();
  let untold: SkippedImage[] = [];

  const check = ({ label, total, maxSkipped }: SkipLimit): void => {
    const skipped = Array.from(all.values(), ({ key, reason }) => ({ name: key, reason }));
    const limit = skipLimit(total, maxSkipped);
    checkSkipped({ label, what: "images cannot be read", total, skipped, limit, kept: total });
  };

  return {
    found(skipped) {
      own.add(skipped.key);
      untold.push(skipped);
      if (!all.has(skipped.key)) note(`skipped ${skipped.key}: ${skipped.reason}`);
    },
    untold: () => untold.length,
    async share() {
      const told = await gatherJson(ranks, untold.splice(0));
      for (const [rank, skipped] of told.entries()) {
        for (const one of skipped) {
          const { key, reason } = one;
          if (!all.has(key) && rank !== ranks.rank && !own.has(key)) note(`skipped ${key}: ${reason}`);
          all.set(key, one);
        }
      }
      if (limits !== undefined) check(limits);
    },
    ofOthers() {
      const tally = createTally();
      for (const { key, reason } of all.values()) if (!own.has(key)) tally.add("unreadable-image", key, reason);
      return tally.list();
    },
  };
}
