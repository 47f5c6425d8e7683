import { ClipError } from "@clip-ts/base";

/** A hash of 64 bits for each of many things, 8 bytes each; 0 for those that have none. */
export type Hashes = BigUint64Array;

/** For each thing the first one that it is like, as its number plus 1; 0 for things like no earlier one. */
export type EarlierOnes = Uint32Array;

/** Room for the hashes of so many things. @throws ClipError "unsupported" for more than can be numbered. */
export function createHashes(count: number): Hashes {
  if (count < 2 ** 32 - 1) return new BigUint64Array(count);
  throw new ClipError("unsupported", `${count} samples are more than can be compared: check parts of the set`);
}

/** The values that come more than once, ascending; `hashes` are left as they are. */
function repeated(hashes: Hashes): Hashes {
  const sorted = hashes.toSorted();
  let kept = 0;
  for (let at = 1; at < sorted.length; at++) {
    const value = sorted[at] as bigint;
    if (value !== 0n && value === sorted[at - 1] && (kept === 0 || sorted[kept - 1] !== value)) sorted[kept++] = value;
  }
  return sorted.slice(0, kept);
}

/** Where a value is among ascending ones; -1 if it is not there. */
export function indexIn(values: Hashes, value: bigint): number {
  let [low, high] = [0, values.length - 1];
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = values[middle] as bigint;
    if (found === value) return middle;
    if (found < value) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}

/**
 * Which things have an earlier one in their group. `groupOf` gives the group of a hash, a number below `count`; -1 for
 * one that is alone. Things without a hash are in none.
 */
export function findEarlier(hashes: Hashes, count: number, groupOf: (hash: bigint) => number): EarlierOnes {
  const firsts = new Uint32Array(count);
  const earlier = new Uint32Array(hashes.length);
  for (let at = 0; at < hashes.length; at++) {
    const hash = hashes[at] as bigint;
    const group = hash === 0n ? -1 : groupOf(hash);
    if (group < 0) continue;
    const first = firsts[group] ?? 0;
    if (first === 0) firsts[group] = at + 1;
    else earlier[at] = first;
  }
  return earlier;
}

/** Which things have the hash of an earlier one. Takes 20 bytes a thing while it runs, 4 afterwards. */
export function findEqual(hashes: Hashes): EarlierOnes {
  const values = repeated(hashes);
  return findEarlier(hashes, values.length, (hash) => indexIn(values, hash));
}
