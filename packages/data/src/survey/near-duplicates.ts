import { findEarlier, indexIn, type EarlierOnes, type Hashes } from "./duplicates.ts";

/** Bits in which hashes of near duplicates may differ. */
export const nearBits = 3;

/** Hashes that share a quarter are compared with so many that follow in it: a quarter of plain sky is shared by many. */
const mostCompared = 4096;

/** Number of bits that are set. */
function bitsIn(value: number): number {
  let left = value - ((value >>> 1) & 0x55555555);
  left = (left & 0x33333333) + ((left >>> 2) & 0x33333333);
  return Math.imul((left + (left >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

/** Values without repetition, ascending, 0 left out. */
function distinct(hashes: Hashes): Hashes {
  const sorted = hashes.toSorted();
  let kept = 0;
  for (const value of sorted) if (value !== 0n && (kept === 0 || sorted[kept - 1] !== value)) sorted[kept++] = value;
  return sorted.slice(0, kept);
}

/** Sets that grow together; each is known by its lowest member. */
function createUnion(count: number) {
  const parents = new Uint32Array(count);
  for (let at = 0; at < count; at++) parents[at] = at;
  const rootOf = (member: number): number => {
    let at = member;
    while (parents[at] !== at) at = parents[at] = parents[parents[at] as number] as number;
    return at;
  };
  const join = (one: number, other: number): void => {
    const [low, high] = [rootOf(one), rootOf(other)].toSorted((a, b) => a - b) as [number, number];
    parents[high] = low;
  };
  return { rootOf, join };
}

/** The numbers of values, those with the same 16 bits side by side. */
function byQuarter(quarters: Uint16Array): Uint32Array {
  const starts = new Uint32Array(2 ** 16 + 1);
  for (const quarter of quarters) starts[quarter + 1] = (starts[quarter + 1] ?? 0) + 1;
  for (let at = 1; at < starts.length; at++) starts[at] = (starts[at] ?? 0) + (starts[at - 1] ?? 0);
  const order = new Uint32Array(quarters.length);
  for (let at = 0; at < quarters.length; at++) {
    const quarter = quarters[at] as number;
    const place = starts[quarter] ?? 0;
    order[place] = at;
    starts[quarter] = place + 1;
  }
  return order;
}

/** Joins values that share a quarter and differ in few bits. */
function joinInQuarter(words: Uint32Array, quarters: Uint16Array, join: (one: number, other: number) => void): void {
  const order = byQuarter(quarters);
  for (let at = 0; at < order.length; at++) {
    const one = order[at] as number;
    const end = Math.min(order.length, at + 1 + mostCompared);
    for (let next = at + 1; next < end && quarters[order[next] as number] === quarters[one]; next++) {
      const other = order[next] as number;
      const low = (words[2 * one] as number) ^ (words[2 * other] as number);
      const high = (words[2 * one + 1] as number) ^ (words[2 * other + 1] as number);
      if (bitsIn(low) + bitsIn(high) <= nearBits) join(one, other);
    }
  }
}

/**
 * Which things have a hash that differs from that of an earlier one in at most `nearBits` bits, by steps: two that
 * differ so little share one of their four quarters of 16 bits, so only those are compared (each with the 4,096 that
 * follow it there). Takes some 40 bytes a thing while it runs.
 */
export function findNear(hashes: Hashes): EarlierOnes {
  const values = distinct(hashes);
  const words = new Uint32Array(values.buffer, values.byteOffset, 2 * values.length);
  const { rootOf, join } = createUnion(values.length);
  const quarters = new Uint16Array(values.length);
  for (let quarter = 0; quarter < 4; quarter++) {
    const shift = 16 * (quarter % 2);
    const offset = quarter >> 1;
    for (let at = 0; at < quarters.length; at++) quarters[at] = (words[2 * at + offset] as number) >>> shift;
    joinInQuarter(words, quarters, join);
  }
  return findEarlier(hashes, values.length, (hash) => rootOf(indexIn(values, hash)));
}
