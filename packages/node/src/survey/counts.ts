import { createHash } from "node:crypto";

/** How often names came. */
export interface Counts {
  add(name: string): void;
  /** The most frequent first. */
  list(): readonly (readonly [name: string, count: number])[];
}

/** Counts nothing yet; beyond `most` names, further ones count as "other". */
export function createCounts(most = 1000): Counts {
  const found = new Map<string, number>();
  return {
    add(name) {
      const known = found.has(name) || found.size < most ? name : "other";
      found.set(known, (found.get(known) ?? 0) + 1);
    },
    list: () => [...found].toSorted(([one, a], [other, b]) => b - a || (one < other ? -1 : 1)),
  };
}

/** The first 64 bits of SHA-256, never 0, which stands for none. */
export function shortHash(content: Uint8Array | string): bigint {
  return createHash("sha256").update(content).digest().readBigUInt64LE() || 1n;
}
