import { ClipError } from "@clip-ts/base";
import type { SkippedImage } from "@clip-ts/data";
import type { Communicator } from "@clip-ts/distributed";
import { createAgreement, isShared, type Agreement } from "./agreement.ts";
import { gatherJson } from "./messages.ts";
import { createSharedSkips, type SharedSkips, type SkipLimit } from "./shared-skips.ts";

/** The ranks of a run, or this process alone: what they tell each other beside what they learn. */
export interface Together {
  readonly ranks: Communicator;
  readonly isShared: boolean;
  /** Whether this rank writes and speaks for all. */
  readonly isFirst: boolean;
  readonly numbers: Agreement["numbers"];
  readonly skips: Pick<SharedSkips, "found" | "ofOthers">;
  /** Says what to ask for whether this rank is to end. */
  readonly endsWhen: (requested: () => boolean) => void;
  /** Whether all are to end after this step: known to all at the same one. */
  readonly shouldStop: () => boolean;
  /** Tells each other what is new after a step. @throws ClipError "bad-data" on all where too much cannot be used. */
  readonly afterStep: () => Promise<void>;
  /** The same after the last step, whatever is new. */
  readonly afterAll: () => Promise<void>;
  /** Makes sure that all have the same. @throws ClipError "bad-data" on all that names those that have not. */
  readonly checkSame: (what: string, digest: string, remedy: string) => Promise<void>;
}

/** Ranks by their numbers, in words. */
const listed = (ranks: readonly number[]): string =>
  ranks.length === 1 ? `rank ${ranks[0]}` : `ranks ${ranks.join(", ")}`;

async function checkSame(ranks: Communicator, what: string, digest: string, remedy: string): Promise<void> {
  const all = await gatherJson(ranks, digest);
  const others = all.flatMap((other, rank) => (other === all[0] ? [] : [rank]));
  if (others.length === 0) return;
  throw new ClipError("bad-data", `${what}: ${listed(others)} differ from rank 0. ${remedy}`, {
    data: { what, ranks: others, digests: all },
  });
}

/** The run of these ranks, on such data. */
export function createTogether(ranks: Communicator, limit: SkipLimit | undefined): Together {
  const skips = createSharedSkips(ranks, limit);
  let requested = (): boolean => false;
  const agreement = createAgreement({ stop: () => requested(), untold: skips.untold });
  const shared = isShared(ranks);
  return {
    ranks,
    isShared: shared,
    isFirst: ranks.rank === 0,
    numbers: agreement.numbers,
    skips: { found: (skipped: SkippedImage) => skips.found(skipped), ofOthers: skips.ofOthers },
    endsWhen(ask) {
      requested = ask;
    },
    shouldStop: () => (shared ? agreement.shouldStop() : requested()),
    async afterStep() {
      if (agreement.hasNews()) await skips.share();
    },
    async afterAll() {
      if (shared) await skips.share();
    },
    async checkSame(what, digest, remedy) {
      if (shared) await checkSame(ranks, what, digest, remedy);
    },
  };
}
