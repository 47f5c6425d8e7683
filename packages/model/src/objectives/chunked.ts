import type { ClipObjective, PairObjective } from "./pair-objective.ts";

/**
 * The same objective without the matrix of all pairs in memory, for large batches: `chunk` of its rows
 * are compared at a time, forward and once more backward. Its accuracy is that among the first `chunk`
 * pairs. Goes around everything else: `chunked(distilled(contrastive(config), …), 256)`.
 */
export const chunked = (objective: Pick<PairObjective, "inChunks">, chunk: number): ClipObjective =>
  objective.inChunks(chunk);
