import type { LeafGroup } from "./leaf-layout.ts";

/** A stretch of the flat arrays. */
export interface Chunk {
  readonly group: LeafGroup;
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts groups into stretches of at most `length` elements, small enough for a processor's cache; leaves
 * that are updated as a whole stay so.
 */
export function chunksOf(groups: readonly LeafGroup[], length: number): Chunk[] {
  return groups.flatMap((group) => {
    if (group.shape !== undefined) return [{ group, start: group.start, end: group.end }];
    const count = Math.ceil((group.end - group.start) / length);
    return Array.from({ length: count }, (_, index) => {
      const start = group.start + index * length;
      return { group, start, end: Math.min(start + length, group.end) };
    });
  });
}
