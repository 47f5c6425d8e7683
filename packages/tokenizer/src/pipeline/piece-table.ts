import type { Vocabulary } from "./tokenizer-files.ts";

/** Texts by number and numbers by text, in typed arrays: a million of them in some tens of megabytes. */
export interface PieceTable extends Vocabulary {
  /** Whether a text may begin with what has this hash: now and then yes where none does, never no where one does. */
  readonly mayBegin: (hash: number) => boolean;
  /** Goes on with the hash of a text by one unit; `seed` is that of the empty text. */
  readonly step: (hash: number, unit: number) => number;
  /**
   * The number of `text.slice(start, end)`, whose hash is given, or -1. Nothing is allocated.
   */
  readonly find: (text: string, start: number, end: number, hash: number) => number;
}

/** The hash of no units. */
export const seed: number = 0x811c9dc5 | 0;

/** Fowler, Noll and Vo's hash (FNV-1a), of UTF-16 units instead of bytes. */
const step = (hash: number, unit: number): number => Math.imul(hash ^ unit, 0x01000193);

/** Mixes the upper bits into the lower ones, which choose a slot (Murmur's finalizer, half of it). */
const slotOf = (hash: number, mask: number): number => (Math.imul(hash ^ (hash >>> 15), 0x85ebca6b) >>> 7) & mask;

/** The units of all texts, one after the other, and where each begins. */
function unitsOf(count: number, textAt: (index: number) => string): { units: Uint16Array; starts: Uint32Array } {
  const starts = new Uint32Array(count + 1);
  for (let index = 0; index < count; index++) starts[index + 1] = starts[index]! + textAt(index).length;
  const units = new Uint16Array(starts[count]!);
  for (let index = 0; index < count; index++) {
    const [text, start] = [textAt(index), starts[index]!];
    for (let place = 0; place < text.length; place++) units[start + place] = text.charCodeAt(place);
  }
  return { units, starts };
}

/** A set of hashes of which some that are not in it seem to be (Bloom 1970, with one bit for each). */
function roughSet(most: number): { readonly add: (hash: number) => void; readonly has: (hash: number) => boolean } {
  const mask = 2 ** Math.max(8, Math.ceil(Math.log2(most + 1)) + 3) - 1;
  const bits = new Uint32Array((mask + 1) >>> 5);
  return {
    add(hash) {
      const slot = slotOf(hash, mask);
      bits[slot >>> 5]! |= 1 << (slot & 31);
    },
    has(hash) {
      const slot = slotOf(hash, mask);
      return ((bits[slot >>> 5]! >>> (slot & 31)) & 1) === 1;
    },
  };
}

/** A table of `count` texts, numbered from 0; of equal texts the last counts. */
export function createPieceTable(count: number, textAt: (index: number) => string): PieceTable {
  const { units, starts } = unitsOf(count, textAt);
  const mask = 2 ** Math.max(4, Math.ceil(Math.log2(count + 1)) + 1) - 1;
  const slots = new Int32Array(mask + 1).fill(-1);
  const hashes = new Int32Array(count);
  const beginnings = roughSet(count);

  const isAt = (index: number, text: string, start: number): boolean => {
    const first = starts[index]!;
    for (let place = starts[index + 1]! - first - 1; place >= 0; place--) {
      if (units[first + place] !== text.charCodeAt(start + place)) return false;
    }
    return true;
  };
  /** The slot of a text, or the free one where it belongs. */
  const locate = (text: string, start: number, end: number, hash: number): number => {
    let slot = slotOf(hash, mask);
    for (let index = slots[slot]!; index !== -1; index = slots[slot]!) {
      const length = starts[index + 1]! - starts[index]!;
      if (hashes[index] === hash && length === end - start && isAt(index, text, start)) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  };
  const hashOf = (text: string, onEach?: (hash: number) => void): number => {
    let hash = seed;
    for (let place = 0; place < text.length; place++) {
      hash = step(hash, text.charCodeAt(place));
      onEach?.(hash);
    }
    return hash;
  };
  for (let index = 0; index < count; index++) {
    const text = textAt(index);
    const hash = hashOf(text, beginnings.add);
    hashes[index] = hash;
    slots[locate(text, 0, text.length, hash)] = index;
  }

  return {
    size: count,
    mayBegin: beginnings.has,
    step,
    find: (text, start, end, hash) => slots[locate(text, start, end, hash)]!,
    get(text) {
      const index = slots[locate(text, 0, text.length, hashOf(text))]!;
      return index < 0 ? undefined : index;
    },
    textOf: (id) =>
      id >= 0 && id < count ? String.fromCharCode(...units.subarray(starts[id], starts[id + 1])) : undefined,
  };
}
