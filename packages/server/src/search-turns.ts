import type { VectorIndex } from "@clip-ts/search";
import { createBudget } from "./budget.ts";

/**
 * Lets few searches at a time into an index; others wait in turn, until their signal is aborted. One in a flat index,
 * which computes on this thread: several would hold it the longer, and none would end sooner.
 */
export function searchTurns(vectors: VectorIndex, most: number): (signal: AbortSignal) => VectorIndex {
  const turns = createBudget(vectors.kind === "flat" ? 1 : most);
  return (signal) => ({
    ...vectors,
    async search(vector, request) {
      const leave = await turns.take(1, signal);
      try {
        return await vectors.search(vector, request);
      } finally {
        leave();
      }
    },
  });
}
